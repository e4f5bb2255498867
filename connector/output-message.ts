import { HeaderBlock } from '#lib/bus/event-headers.ts';
import { REV_HEADER } from '#lib/bus/jetstream-stage-queue.ts';
import type { StreamMessage } from '#lib/bus/stored-publish.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { bareContentType, isJsonContentType } from '#lib/message/cloud-event.ts';
import { correlationIdOf, type InputEvent, OUTPUT_TYPE } from './input-event.ts';
import type { StagePlan } from './stage-plan.ts';

/** What a function answered for one event: CloudEvents as it wrote them, or the bytes of a function that knows none. */
export interface RawOutput {
  readonly contentType: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The id by which the bus knows an output again: what made it, of which input, and which of its outputs. */
export function outputIdPrefix({ scenarioId, stage }: StagePlan): string {
  return `${scenarioId}.${stage}.`;
}

/**
 * An output as a message for the stage's out_topic. What the event lacks is given to it: the input's source,
 * correlation id and trace, an id, a type by the stage, the time.
 *
 * @throws BoxError `internal` when it is not a CloudEvent: the function broke the contract.
 */
export function eventMessage(plan: StagePlan, input: InputEvent, index: number, event: unknown): StreamMessage {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw broken('it must be a JSON object');
  const { data, data_base64: base64, ...attributes } = event as Record<string, unknown>;
  if (base64 !== undefined && typeof base64 !== 'string') throw broken('data_base64 must be text');
  const texts: Record<string, string> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value === undefined || value === null) continue;
    if (!/^[a-z0-9]+$/.test(name)) throw broken(`${name} cannot be an attribute: letters a to z and digits only`);
    if (typeof value === 'object') throw broken(`attribute ${name} must be text, a number or a boolean`);
    texts[name] = typeof value === 'string' ? value : String(value);
  }
  const declared = texts.datacontenttype;
  if (base64 !== undefined) {
    return outputMessage(plan, input, index, {
      contentType: declared,
      attributes: texts,
      body: Buffer.from(base64, 'base64'),
    });
  }
  const bare = bareContentType(declared);
  const isText = typeof data === 'string' && bare !== undefined && !isJsonContentType(bare);
  const body = Buffer.from(isText ? data : (JSON.stringify(data) ?? ''));
  return outputMessage(plan, input, index, { contentType: declared ?? 'application/json', attributes: texts, body });
}

/** Bytes as a message for the stage's out_topic. */
export function outputMessage(plan: StagePlan, input: InputEvent, index: number, output: RawOutput): StreamMessage {
  const { attributes } = output;
  const messageId = `${outputIdPrefix(plan)}${input.message.seq}.${index}`;
  const head = new HeaderBlock()
    .set('Nats-Msg-Id', messageId)
    .set(REV_HEADER, plan.rev)
    .attribute('specversion', '1.0')
    .attribute('id', attributes.id || messageId)
    .attribute('source', attributes.source || input.attributes.source || 'default')
    .attribute('type', attributes.type || OUTPUT_TYPE[plan.stage])
    .attribute('time', attributes.time || isoNow())
    .attribute('correlationid', attributes.correlationid ?? correlationIdOf(input));
  if (output.contentType !== undefined) head.set('Content-Type', output.contentType);
  const traceparent = attributes.traceparent ?? input.attributes.traceparent;
  if (traceparent !== undefined) head.attribute('traceparent', traceparent);
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined && !WRITTEN.has(name)) head.attribute(name, value);
  }
  return { subject: plan.definition.out_topic, head: head.bytes(), body: output.body };
}

const WRITTEN = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'correlationid',
  'datacontenttype',
  'traceparent',
]);

let nowMs = 0;
let nowIso = '';

function isoNow(): string {
  const now = Date.now();
  if (now !== nowMs) {
    nowMs = now;
    nowIso = new Date(now).toISOString();
  }
  return nowIso;
}

function broken(rule: string): BoxError {
  return new BoxError('internal', `Cannot publish the function's event: ${rule}`);
}
