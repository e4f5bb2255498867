import { BoxError, type Problem } from '#lib/error/box-error.ts';
import {
  type FunctionRequest,
  type FunctionResponse,
  jsonBody,
  queryInteger,
  queryText,
  type Route,
} from '#lib/function/route.ts';
import { RECORD_CONTENT_TYPE, type ScenarioRecord } from '#lib/scenario/scenario.ts';
import { etagOf, isFresh, preconditionOf } from './precondition.ts';
import type { Applied, PutOptions, Scenarios } from './scenarios.ts';
import type { ModelCheck } from './verify-scenario.ts';

export interface ScenarioRouteOptions {
  readonly maxBytes: number;
  /** How long the answer to a change waits for the connector, where the request does not say. */
  readonly applyWaitMs: number;
}

/** The most seconds that a request may ask to wait for the connector. */
const MAX_WAIT_SECONDS = 30;

/** The routes below `/scenario`. */
export function scenarioRoutes(scenarios: Scenarios, options: ScenarioRouteOptions): Route[] {
  return [
    {
      method: 'GET',
      path: '/scenario',
      async handle() {
        const records = await scenarios.list();
        return { status: 200, body: records.map(({ scenario }) => scenario) };
      },
    },
    {
      method: 'PUT',
      path: '/scenario',
      handle: (request) => put(readBody(request, options), request, 'scenario/'),
    },
    {
      method: 'POST',
      path: '/scenario/validate',
      async handle(request) {
        const { id, warnings } = await scenarios.validate(readBody(request, options), modelCheckOf(request));
        return { status: 200, body: { _id: id, valid: true, warnings } };
      },
    },
    {
      method: 'GET',
      path: '/scenario/:id',
      async handle(request) {
        const record = await scenarios.get(idOf(request), queryText(request, 'rev'));
        return isFresh(request, record)
          ? { status: 304, headers: { etag: etagOf(record.rev) } }
          : scenarioAnswer(record, request);
      },
    },
    {
      method: 'PUT',
      path: '/scenario/:id',
      handle: (request) => put(withId(readBody(request, options), idOf(request)), request, ''),
    },
    {
      method: 'DELETE',
      path: '/scenario/:id',
      async handle(request) {
        const applied = await scenarios.remove(idOf(request), preconditionOf(request), waitMs(request, options));
        return { status: 204, headers: appliedHeader(applied) };
      },
    },
    pauseRoute('pause', true),
    pauseRoute('resume', false),
  ];

  async function put(value: unknown, request: FunctionRequest, folder: string): Promise<FunctionResponse> {
    const result = await scenarios.put(value, putOptions(request, options));
    const { record, created, connector } = result;
    return {
      status: created ? 201 : 200,
      headers: {
        etag: etagOf(record.rev),
        ...appliedHeader(connector),
        ...(created && { location: `${folder}${record.id}` }),
      },
      body: {
        _id: record.id,
        rev: record.rev,
        paused: record.paused,
        applied: connector.applied,
        ...(connector.reason !== undefined && { not_applied_because: connector.reason }),
        warnings: result.warnings satisfies readonly Problem[],
      },
    };
  }

  function pauseRoute(verb: 'pause' | 'resume', paused: boolean): Route {
    return {
      method: 'POST',
      path: `/scenario/:id/${verb}`,
      async handle(request) {
        const record = await scenarios.setPaused(idOf(request), paused, preconditionOf(request));
        return {
          status: 200,
          headers: { etag: etagOf(record.rev) },
          body: { _id: record.id, rev: record.rev, paused: record.paused },
        };
      },
    };
  }
}

function scenarioAnswer(record: ScenarioRecord, request: FunctionRequest): FunctionResponse {
  const headers = { etag: etagOf(record.rev), vary: 'Accept' };
  const wantsRecord = (request.headers.accept ?? '').toLowerCase().includes(RECORD_CONTENT_TYPE);
  if (!wantsRecord) return { status: 200, headers, body: record.scenario };
  return { status: 200, headers: { ...headers, 'content-type': RECORD_CONTENT_TYPE }, body: JSON.stringify(record) };
}

function idOf(request: FunctionRequest): string {
  return request.params.id ?? '';
}

function readBody(request: FunctionRequest, { maxBytes }: ScenarioRouteOptions): unknown {
  if (request.body.length > maxBytes) {
    throw new BoxError(
      'too_large',
      `Cannot read scenario: it may have up to ${maxBytes} bytes, got ${request.body.length}`,
    );
  }
  return jsonBody(request);
}

/** The document with the id of its path, where it does not say another. */
function withId(value: unknown, id: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const own: unknown = '_id' in value ? value._id : undefined;
  if (own === undefined || own === null || own === id) return { ...value, _id: id };
  const message = `must be that of the path or be left out, got ${JSON.stringify(own)}`;
  throw new BoxError('invalid_argument', `Cannot put scenario ${id}: /_id ${message}`, {
    problems: [{ pointer: '/_id', message }],
  });
}

function putOptions(request: FunctionRequest, options: ScenarioRouteOptions): PutOptions {
  return {
    modelCheck: modelCheckOf(request),
    precondition: preconditionOf(request),
    waitMs: waitMs(request, options),
  };
}

function modelCheckOf(request: FunctionRequest): ModelCheck {
  const verify = queryText(request, 'verify');
  if (verify === undefined || verify === 'true') return 'verify';
  if (verify === 'false') return 'skip';
  throw new BoxError('invalid_argument', `Cannot read query: verify must be true or false, got ${verify}`);
}

function waitMs(request: FunctionRequest, { applyWaitMs }: ScenarioRouteOptions): number {
  const seconds = queryInteger(request, 'wait', 0, MAX_WAIT_SECONDS);
  return seconds === undefined ? applyWaitMs : seconds * 1000;
}

function appliedHeader({ applied }: Applied): Record<string, string> {
  return { 'box-applied': String(applied) };
}
