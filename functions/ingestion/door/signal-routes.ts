import { BoxError } from '#lib/error/box-error.ts';
import {
  type FunctionRequest,
  type FunctionResponse,
  queryInteger,
  queryText,
  type Route,
} from '#lib/function/route.ts';
import { MAX_ROWS } from '../signal/split-signal.ts';
import type { Accepted, Door, IncomingSignal } from './door.ts';
import type { Admission, Gate } from './gate.ts';
import { type Idempotency, placeOf } from './idempotency.ts';
import { inTime } from './in-time.ts';
import { readIncoming } from './incoming.ts';
import { type BodyLimits, heldWhole, isSigned, type LinesBody, readLinesBody, streamLimit } from './lines-body.ts';
import { type OutcomeParts, waitForOutcome } from './outcome.ts';
import { takeLines } from './take-lines.ts';

export interface DoorRoutes {
  readonly door: Door;
  readonly gate: Gate;
  readonly idempotency: Idempotency;
  readonly outcome: OutcomeParts;
  readonly limits: BodyLimits;
}

const DEFAULT_WAIT_SECONDS = 10;
/** Below the gateway's own limit of a minute, so that a caller gets our answer and not the gateway's. */
const LONGEST_WAIT_SECONDS = 50;

/** The door's HTTP routes. */
export function signalRoutes(parts: DoorRoutes): Route[] {
  return ['/signal/:scenario', '/signal/:scenario/:source'].map((path) => ({
    method: 'POST',
    path,
    // The gate knows more keys than the appliance's own.
    access: 'open',
    streamLimit: (headers) => streamLimit(headers, parts.limits),
    handle: (request) => takeRequest(request, parts),
  }));
}

async function takeRequest(sent: FunctionRequest, parts: DoorRoutes): Promise<FunctionResponse> {
  const { gate, limits } = parts;
  const timed = withTime(sent, limits);
  const request = isSigned(timed) ? await heldWhole(timed, limits) : timed;
  const admission = await gate.admit(request);
  const waitMs = readWait(request);
  const body = await readLinesBody(request, limits);
  if ('bytes' in body) return takeCut(request, body, waitMs, admission, parts);
  const incoming = readIncoming(body, limits.maxSignalBytes);
  const signals: readonly IncomingSignal[] = Array.isArray(incoming) ? incoming : [incoming as IncomingSignal];
  const [only] = signals;
  if (waitMs !== undefined && Array.isArray(incoming))
    throw new BoxError('invalid_argument', 'Cannot wait for the outcome of a batch: send one signal');
  if (only !== undefined && !Array.isArray(incoming)) {
    const accepted = await takeOne(request.headers['idempotency-key'], only, admission, parts);
    if (admission.isHeld) return heldResponse([accepted.correlationId]);
    return waitMs === undefined ? acceptedResponse(accepted) : outcomeResponse(accepted, waitMs, parts);
  }
  const ids = await charged(admission, signals, parts, () => takeBatch(admission, signals, parts.door));
  return admission.isHeld ? heldResponse(ids) : { status: 202, body: { correlation_ids: ids } };
}

/** A request whose stream, where it has one, ends when its time is over. */
function withTime(request: FunctionRequest, { maxUploadMs }: BodyLimits): FunctionRequest {
  const { bodyStream } = request;
  return bodyStream ? { ...request, bodyStream: inTime(bodyStream, performance.now() + maxUploadMs) } : request;
}

/** Takes a body of lines that is larger than a signal may be, or has more of them, in parts. */
async function takeCut(
  request: FunctionRequest,
  body: LinesBody,
  waitMs: number | undefined,
  admission: Admission,
  parts: DoorRoutes,
): Promise<FunctionResponse> {
  if (waitMs !== undefined) {
    await body.bytes.return?.();
    const rule = `a body of more than ${parts.limits.maxSignalBytes} bytes or ${MAX_ROWS} lines is many signals`;
    throw new BoxError('invalid_argument', `Cannot wait for the outcome: ${rule}; send it without wait`);
  }
  const { ids, duplicate } = await takeLines(body, request, admission, {
    idempotency: parts.idempotency,
    maxSignalBytes: parts.limits.maxSignalBytes,
    takeOne: (signal, key) => takeOne(key, signal, admission, parts),
  });
  const flags = { ...(duplicate && { duplicate }), ...(admission.isHeld && { quarantined: true }) };
  return { status: 202, body: { correlation_ids: ids, ...flags } };
}

/** Takes a signal, or finds what it was answered with before under the same Idempotency-Key. */
async function takeOne(
  key: string | undefined,
  signal: IncomingSignal,
  admission: Admission,
  parts: DoorRoutes,
): Promise<Accepted> {
  const { idempotency, door } = parts;
  const place = placeOf(admission);
  return charged(admission, [signal], parts, async () => {
    const earlier = key === undefined ? undefined : await idempotency.earlier(place, key, signal.body);
    if (earlier !== undefined) return { ...earlier, record: admission.scenario, duplicate: true };
    const accepted = await door.take(admission, signal);
    if (key !== undefined) await idempotency.keep(place, key, signal.body, accepted);
    return accepted;
  });
}

/** Counts signals against the source's quota and takes its signature, unless they cannot be stored then. */
async function charged<T>(
  admission: Admission,
  signals: readonly IncomingSignal[],
  { gate }: DoorRoutes,
  work: () => Promise<T>,
): Promise<T> {
  const bytes = signals.reduce((sum, { body }) => sum + body.length, 0);
  await gate.charge(admission, signals.length, bytes);
  let answer: T;
  try {
    answer = await work();
  } catch (error) {
    await gate.giveBack(admission);
    throw error;
  }
  await gate.stored(admission);
  return answer;
}

/** Stored, but not processed until somebody releases the source. */
function heldResponse(ids: readonly string[]): FunctionResponse {
  const [id] = ids;
  const body = ids.length === 1 ? { correlation_id: id } : { correlation_ids: ids };
  return { status: 202, body: { ...body, quarantined: true } };
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
  admission: Admission,
  batch: readonly IncomingSignal[],
  door: Door,
): Promise<readonly string[]> {
  const settled = await Promise.allSettled(batch.map((signal) => door.take(admission, signal)));
  const ids = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value.correlationId] : []));
  const failed = settled.findIndex((each) => each.status === 'rejected');
  if (failed === -1) return ids;
  const { reason } = settled[failed] as PromiseRejectedResult;
  const error = BoxError.from(reason);
  throw new BoxError(error.code, `${error.message} (signal ${failed + 1} of ${batch.length})`, {
    cause: error,
    facts: { ...error.facts, stored: ids },
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  });
}
