import { BoxError } from '../error/box-error.ts';
import { isRecord } from '../json/json-object.ts';

/**
 * A CloudEvents 1.0 event in its JSON format: `data` is a JSON value, or text where `datacontenttype` is text;
 * `data_base64` holds any other bytes. Our own reader and not the SDK's, which costs more than the model: see
 * docs/decisions/cloudevents.md.
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string;
  readonly subject?: string;
  readonly datacontenttype?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  /** The signal's correlation id, carried from stage to stage. */
  readonly correlationid?: string;
  /** W3C trace context, passed on. */
  readonly traceparent?: string;
  readonly [extension: string]: unknown;
}

export const BATCH_CONTENT_TYPE = 'application/cloudevents-batch+json';
export const STRUCTURED_CONTENT_TYPE = 'application/cloudevents+json';

export const EVENT_TYPE = {
  signal: 'thebox.signal',
  features: 'thebox.features',
  prediction: 'thebox.prediction',
  notification: 'thebox.notification',
  timer: 'thebox.timer',
} as const;

/**
 * The extension that holds an event's place in the stream, a whole number: the connector sets it on what it hands to a
 * function, the same when it hands the message out again. (CloudEvents' own `sequence` is the sender's.)
 */
export const SEQUENCE_ATTRIBUTE = 'boxsequence';

/** The event's place in the stream; undefined where no connector has set it. */
export function sequenceOf(event: CloudEvent): number | undefined {
  const sequence = Number(event[SEQUENCE_ATTRIBUTE] ?? Number.NaN);
  return Number.isSafeInteger(sequence) && sequence > 0 ? sequence : undefined;
}

/** The extension that holds when the bus stored an event, set by the connector likewise: `time` may be the sender's own. */
export const STORED_ATTRIBUTE = 'boxstored';

/** When the bus stored the event, milliseconds since 1970; undefined where no connector has set it. */
export function storedMsOf(event: CloudEvent): number | undefined {
  const stored = event[STORED_ATTRIBUTE];
  const ms = typeof stored === 'string' ? Date.parse(stored) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * Checks one event of a batch or an answer.
 *
 * @throws BoxError `invalid_argument` for a missing or empty required attribute, and for one that is no text.
 */
export function parseCloudEvent(value: unknown): CloudEvent {
  if (!isRecord(value)) throw invalid('an event must be a JSON object');
  const { specversion, id, source, type, data_base64: dataBase64 } = value;
  if (specversion !== '1.0') throw invalid(`specversion must be "1.0", got ${JSON.stringify(specversion)}`);
  if (!isText(id)) throw invalid('id must be text and not empty');
  if (!isText(source)) throw invalid('source must be text and not empty');
  if (!isText(type)) throw invalid('type must be text and not empty');
  if (dataBase64 !== undefined && typeof dataBase64 !== 'string') throw invalid('data_base64 must be text');
  const event: Record<string, unknown> = { ...value };
  for (const name of OPTIONAL) {
    const given = event[name];
    // In JSON null stands for an attribute that is not there.
    if (given === null) event[name] = undefined;
    else if (given !== undefined && typeof given !== 'string') throw invalid(`${name} must be text`);
  }
  return event as unknown as CloudEvent;
}

/** The attributes that an event need not have, as far as anything here reads them. */
const OPTIONAL = ['time', 'subject', 'datacontenttype', 'correlationid', 'traceparent'] as const;

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read CloudEvent: ${rule}`);
}

/** The event's content type, lower-case and without parameters; JSON where none is given, as CloudEvents has it. */
export function contentTypeOf(event: CloudEvent): string {
  return bareContentType(event.datacontenttype) ?? 'application/json';
}

/** A Content-Type value without its parameters, lower-case; undefined for none. */
export function bareContentType(value: string | undefined): string | undefined {
  const bare = value?.split(';', 1)[0]?.trim().toLowerCase();
  return bare === '' ? undefined : bare;
}

/** Whether data of the content type is JSON (`application/json` or a `+json` suffix). */
export function isJsonContentType(bare: string): boolean {
  return bare === 'application/json' || bare === 'text/json' || bare.endsWith('+json');
}

/** The event's data as bytes, whatever form it came in. */
export function dataBytes(event: CloudEvent): Buffer {
  if (event.data_base64 !== undefined) return Buffer.from(event.data_base64, 'base64');
  if (event.data === undefined) return Buffer.alloc(0);
  if (typeof event.data === 'string' && !isJsonContentType(contentTypeOf(event))) return Buffer.from(event.data);
  return Buffer.from(JSON.stringify(event.data));
}

/**
 * The event's data as a JSON value.
 *
 * @throws BoxError `invalid_argument` when bytes that came in base64 are not JSON.
 */
export function dataJson(event: CloudEvent): unknown {
  if (event.data_base64 === undefined) return event.data;
  try {
    return JSON.parse(Buffer.from(event.data_base64, 'base64').toString('utf8'));
  } catch (cause) {
    throw new BoxError('invalid_argument', 'Cannot read data of event: it must be JSON', { cause });
  }
}

/** The signal's correlation id: carried along, or the event's own id where the event is the signal. */
export function correlationIdOf(event: CloudEvent): string {
  return event.correlationid ?? event.id;
}
