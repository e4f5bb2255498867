import { BoxError } from '#lib/error/box-error.ts';
import {
  type FunctionRequest,
  type FunctionResponse,
  queryInteger,
  queryText,
  type Route,
} from '#lib/function/route.ts';
import type { Accepted, Door, IncomingSignal } from './door.ts';
import { readIncoming } from './incoming.ts';
import { type OutcomeParts, waitForOutcome } from './outcome.ts';

/** Who may hand in a signal: throws when the caller may not. */
export type DoorAccess = (request: FunctionRequest) => Promise<void>;

export interface DoorRoutes {
  readonly door: Door;
  readonly access: DoorAccess;
  readonly outcome: OutcomeParts;
  readonly maxSignalBytes: number;
}

const DEFAULT_WAIT_SECONDS = 10;
/** Below the gateway's own limit of a minute, so that a caller gets our answer and not the gateway's. */
const LONGEST_WAIT_SECONDS = 50;

/** The door's HTTP routes. */
export function signalRoutes(parts: DoorRoutes): Route[] {
  return ['/signal/:scenario', '/signal/:scenario/:source'].map((path) => ({
    method: 'POST',
    path,
    access: parts.access,
    handle: (request) => takeRequest(request, parts),
  }));
}

async function takeRequest(request: FunctionRequest, parts: DoorRoutes): Promise<FunctionResponse> {
  const waitMs = readWait(request);
  const { scenario = '', source } = request.params;
  const incoming = readIncoming(request, parts.maxSignalBytes);
  if (!Array.isArray(incoming)) {
    const accepted = await parts.door.take(scenario, source, incoming as IncomingSignal);
    return waitMs === undefined ? acceptedResponse(accepted) : outcomeResponse(accepted, waitMs, parts);
  }
  if (waitMs !== undefined)
    throw new BoxError('invalid_argument', 'Cannot wait for the outcome of a batch: send one signal');
  return takeBatch(scenario, source, incoming, parts.door);
}

/** How long the caller waits for the outcome; undefined when it does not. */
function readWait(request: FunctionRequest): number | undefined {
  const wait = queryText(request, 'wait');
  const seconds = queryInteger(request, 'timeout', 1, LONGEST_WAIT_SECONDS) ?? DEFAULT_WAIT_SECONDS;
  if (wait === undefined || wait === '0' || wait === 'false') return undefined;
  if (wait === '1' || wait === 'true') return seconds * 1000;
  throw new BoxError('invalid_argument', `Cannot read query: wait must be 1 or 0, got ${wait.slice(0, 20)}`);
}

function acceptedResponse({ correlationId, duplicate }: Accepted): FunctionResponse {
  return {
    status: 202,
    headers: { 'box-correlation-id': correlationId },
    body: { correlation_id: correlationId, ...(duplicate && { duplicate }) },
  };
}

async function outcomeResponse(accepted: Accepted, waitMs: number, parts: DoorRoutes): Promise<FunctionResponse> {
  const outcome = await waitForOutcome(accepted, waitMs, parts.outcome);
  return {
    status: 200,
    headers: { 'box-correlation-id': accepted.correlationId },
    body: { correlation_id: accepted.correlationId, ...outcome },
  };
}

/** Takes each signal of a batch. When one cannot be stored, the error says which were: the whole batch may be sent again. */
async function takeBatch(
  scenario: string,
  source: string | undefined,
  batch: readonly IncomingSignal[],
  door: Door,
): Promise<FunctionResponse> {
  const settled = await Promise.allSettled(batch.map((signal) => door.take(scenario, source, signal)));
  const ids = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value.correlationId] : []));
  const failed = settled.findIndex((each) => each.status === 'rejected');
  if (failed === -1) return { status: 202, body: { correlation_ids: ids } };
  const { reason } = settled[failed] as PromiseRejectedResult;
  const error = BoxError.from(reason);
  throw new BoxError(error.code, `${error.message} (signal ${failed + 1} of ${batch.length})`, {
    cause: error,
    facts: { ...error.facts, stored: ids },
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  });
}
