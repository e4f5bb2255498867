import { BoxError, type ErrorCode } from '../error/box-error.ts';
import { VERDICT } from '../error/verdict.ts';
import {
  BATCH_CONTENT_TYPE,
  bareContentType,
  type CloudEvent,
  isJsonContentType,
  parseCloudEvent,
  STRUCTURED_CONTENT_TYPE,
} from '../message/cloud-event.ts';
import type { EventError, EventResult } from '../message/function-answer.ts';
import { SCENARIO_HEADER, SCENARIO_REV_HEADER } from '../scenario/scenario.ts';
import { type FunctionRequest, parseJson } from './route.ts';

/** Events that belong to one revision of one scenario, in the order of the topic. */
export interface EventBatch {
  readonly events: readonly CloudEvent[];
  readonly scenarioId: string;
  readonly rev: string;
}

/** Whether a request carries CloudEvents: a batch, one structured event, or one in binary mode. */
export function carriesEvents(request: FunctionRequest): boolean {
  if (request.headers['ce-id'] !== undefined) return true;
  const type = bareContentType(request.headers['content-type']);
  return type === BATCH_CONTENT_TYPE || type === STRUCTURED_CONTENT_TYPE;
}

/**
 * Reads the events of a request and what to process them with.
 *
 * @throws BoxError `invalid_argument` for malformed events or missing scenario headers.
 */
export function readEventBatch(request: FunctionRequest): EventBatch {
  const scenarioId = request.headers[SCENARIO_HEADER];
  const rev = request.headers[SCENARIO_REV_HEADER];
  if (!scenarioId || !rev) {
    throw new BoxError(
      'invalid_argument',
      'Cannot read events: the headers Box-Scenario and Box-Scenario-Rev must be set',
    );
  }
  return { events: readEvents(request), scenarioId, rev };
}

function readEvents(request: FunctionRequest): CloudEvent[] {
  const type = bareContentType(request.headers['content-type']);
  if (type === BATCH_CONTENT_TYPE) {
    const batch = parseJson(request.body);
    if (!Array.isArray(batch))
      throw new BoxError('invalid_argument', 'Cannot read events: a batch must be a JSON array');
    return batch.map(parseCloudEvent);
  }
  if (type === STRUCTURED_CONTENT_TYPE) return [parseCloudEvent(parseJson(request.body))];
  return [binaryEvent(request, type)];
}

/** CloudEvents HTTP binding, binary mode: attributes in `ce-` headers, data in the body. */
function binaryEvent(request: FunctionRequest, type: string | undefined): CloudEvent {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith('ce-') && value !== undefined) attributes[name.slice(3)] = decodeAttribute(value);
  }
  if (request.headers.traceparent !== undefined) attributes.traceparent = request.headers.traceparent;
  if (request.headers['content-type'] !== undefined) attributes.datacontenttype = request.headers['content-type'];
  const json = type === undefined || isJsonContentType(type);
  const data = json ? { data: parseJson(request.body) } : { data_base64: request.body.toString('base64') };
  return parseCloudEvent({ ...attributes, ...data });
}

function decodeAttribute(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    if (cause instanceof URIError) return value;
    throw cause;
  }
}

/** A thrown value as the error of one event; whether it is tried again follows from its code. */
export function eventError(thrown: unknown): EventError {
  const error = BoxError.from(thrown);
  return { code: error.code, message: error.message, retry: VERDICT[error.code satisfies ErrorCode] === 'retry' };
}

/** Processes the events one by one, each with its own result: an event that fails leaves the others alone. */
export async function settleEach(
  events: readonly CloudEvent[],
  process: (event: CloudEvent, index: number) => Promise<readonly CloudEvent[]> | readonly CloudEvent[],
): Promise<EventResult[]> {
  const results: EventResult[] = [];
  for (const [index, event] of events.entries()) {
    try {
      results.push({ id: event.id, events: await process(event, index) });
    } catch (thrown) {
      results.push({ id: event.id, error: eventError(thrown) });
    }
  }
  return results;
}
