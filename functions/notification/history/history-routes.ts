import { BoxError } from '#lib/error/box-error.ts';
import {
  type FunctionRequest,
  type FunctionResponse,
  queryInteger,
  queryText,
  type Route,
} from '#lib/function/route.ts';
import type { Log } from '#lib/log/log.ts';
import { eventStream } from './event-stream.ts';
import type { HistoryFilter, NotificationHistory, Since } from './history.ts';

export interface HistoryRoutesOptions {
  readonly maxWaitSeconds: number;
  /** Callers that may wait at the same time. */
  readonly maxWaiting: number;
  readonly log: Log;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** `GET /notification`: as a page that may wait, or with `Accept: text/event-stream` as a stream. */
export function historyRoutes(history: NotificationHistory, options: HistoryRoutesOptions): Route[] {
  let waiting = 0;
  const enter = () => {
    if (waiting >= options.maxWaiting) {
      const text = `Cannot wait for notifications: at most ${options.maxWaiting} may wait at the same time`;
      throw new BoxError('resource_exhausted', text, { retryAfterSeconds: 5 });
    }
    waiting++;
  };
  const leave = () => {
    waiting--;
  };

  const page = async (request: FunctionRequest): Promise<FunctionResponse> => {
    const filter = filterOf(request);
    const since = sinceOf(queryText(request, 'since')) ?? { after: 0 };
    const limit = queryInteger(request, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT;
    const waitSeconds = queryInteger(request, 'wait', 0, 3600) ?? 0;
    enter();
    try {
      const waitMs = Math.min(waitSeconds, options.maxWaitSeconds) * 1000;
      return { status: 200, body: await history.page(filter, since, limit, waitMs) };
    } finally {
      leave();
    }
  };

  const stream = async (request: FunctionRequest): Promise<FunctionResponse> => {
    const filter = filterOf(request);
    const since = sinceOf(request.headers['last-event-id'] ?? queryText(request, 'since')) ?? 'now';
    // What cannot be opened is answered as an error, not as a stream that ends.
    await history.page(filter, 'now', 1, 0);
    enter();
    const body = eventStream((signal) => history.follow(filter, since, signal), {
      lifeMs: options.maxWaitSeconds * 1000,
      log: options.log,
      onEnd: leave,
    });
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    return { status: 200, headers, body };
  };

  return [
    {
      method: 'GET',
      path: '/notification',
      handle: (request) => (wantsStream(request) ? stream(request) : page(request)),
    },
  ];
}

function wantsStream({ headers }: FunctionRequest): boolean {
  return /\btext\/event-stream\b/i.test(headers.accept ?? '');
}

function filterOf(request: FunctionRequest): HistoryFilter {
  const scenario = queryText(request, 'scenario');
  if (!scenario) throw new BoxError('invalid_argument', 'Cannot read notifications: the query must name a scenario');
  return { scenario, source: queryText(request, 'source') };
}

function sinceOf(text: string | undefined): Since | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'now') return 'now';
  if (/^\d{1,15}$/.test(text)) return { after: Number(text) };
  const time = new Date(text);
  // NATS takes years of four digits.
  if (!/^\d{4}-/.test(Number.isNaN(time.getTime()) ? '' : time.toISOString())) {
    const rule = 'since must be a cursor, a time as RFC 3339, or now';
    throw new BoxError('invalid_argument', `Cannot read notifications: ${rule}, got ${text}`);
  }
  return { time };
}
