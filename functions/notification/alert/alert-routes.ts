import { BoxError } from '#lib/error/box-error.ts';
import { type FunctionRequest, jsonBody, queryInteger, queryText, type Route } from '#lib/function/route.ts';
import { ALERT_STATES } from './alert.ts';
import type { Alerts, Word } from './alerts.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
/** A snooze that is longer was meant otherwise. */
const MAX_SNOOZE_MS = 366 * 86_400_000;

/** `GET /alert`, `GET /alert/{id}` and what can be done to one. */
export function alertRoutes(alerts: Alerts, now: () => number = Date.now): Route[] {
  return [
    {
      method: 'GET',
      path: '/alert',
      handle: async (request) => ({ status: 200, body: { alerts: await alerts.list(filterOf(request)) } }),
    },
    {
      method: 'GET',
      path: '/alert/:id',
      handle: async (request) => ({ status: 200, body: await alerts.get(idOf(request)) }),
    },
    {
      method: 'POST',
      path: '/alert/:id/ack',
      handle: async (request) => ({ status: 200, body: await alerts.acknowledge(idOf(request), wordOf(request)) }),
    },
    {
      method: 'POST',
      path: '/alert/:id/snooze',
      handle: async (request) => ({
        status: 200,
        body: await alerts.snooze(idOf(request), wordOf(request), untilOf(request, now())),
      }),
    },
    {
      method: 'POST',
      path: '/alert/:id/resolve',
      handle: async (request) => ({ status: 200, body: await alerts.resolve(idOf(request), wordOf(request)) }),
    },
  ];
}

function idOf({ params }: FunctionRequest): string {
  return params.id ?? '';
}

function filterOf(request: FunctionRequest) {
  const scenario = queryText(request, 'scenario');
  if (!scenario) throw invalid('Cannot list alerts: the query must name a scenario');
  const text = queryText(request, 'state');
  const state = ALERT_STATES.find((known) => known === text);
  if (text !== undefined && state === undefined) {
    throw invalid(`Cannot list alerts: state must be one of ${ALERT_STATES.join(', ')}, got ${text}`);
  }
  const limit = queryInteger(request, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT;
  return { scenario, limit, ...(state !== undefined && { state }) };
}

function bodyOf(request: FunctionRequest): Readonly<Record<string, unknown>> {
  const body = jsonBody(request);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw invalid('Cannot change alert: the body must be a JSON object { by, note?, until? }');
}

function wordOf(request: FunctionRequest): Word {
  const { by, note } = bodyOf(request);
  if (typeof by !== 'string' || by.trim() === '' || by.length > 200) {
    throw invalid('Cannot change alert: by must say who does it, in 1 to 200 characters');
  }
  if (note !== undefined && note !== null && (typeof note !== 'string' || note.length > 2000)) {
    throw invalid('Cannot change alert: note must be text of at most 2000 characters');
  }
  return { by, ...(typeof note === 'string' && { note }) };
}

function untilOf(request: FunctionRequest, now: number): number {
  const { until } = bodyOf(request);
  const time = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(time) || time <= now || time > now + MAX_SNOOZE_MS) {
    throw invalid(
      `Cannot snooze alert: until must be a time to come within a year, as RFC 3339, got ${JSON.stringify(until)}`,
    );
  }
  return time;
}

function invalid(message: string): BoxError {
  return new BoxError('invalid_argument', message);
}
