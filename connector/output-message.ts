import { HeaderBlock, isAttributeName } from '#lib/bus/event-headers.ts';
import { REV_HEADER } from '#lib/bus/jetstream-stage-message.ts';
import type { StreamMessage } from '#lib/bus/stored-publish.ts';
import { DEFAULT_SOURCE } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { bareContentType, isJsonContentType } from '#lib/message/cloud-event.ts';
import { SOURCE_PROOF_ATTRIBUTE } from '#lib/source/source.ts';
import { correlationIdOf, type InputEvent, OUTPUT_TYPE } from './input-event.ts';
import type { StagePlan } from './stage-plan.ts';

/** What a function answered for one event: the parts of an event, or the bytes of a function that knows none. */
export interface RawOutput {
  readonly contentType: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/**
 * An output as a message for the stage's out_topic. What the event lacks is given to it: the input's source,
 * correlation id and trace, an id, a type by the stage, the time.
 *
 * @throws BoxError `internal` when it is not a CloudEvent: the function broke the contract.
 */
export function eventMessage(plan: StagePlan, input: InputEvent, messageId: string, event: unknown): StreamMessage {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) throw broken('it must be a JSON object');
  const members = event as Record<string, unknown>;
  const attributes: Record<string, string> = {};
  for (const name in members) {
    const value = members[name];
    if (name === 'data' || name === 'data_base64' || value === undefined || value === null) continue;
    if (!isAttributeName(name)) throw broken(`${name} cannot be an attribute: letters a to z and digits only`);
    if (typeof value === 'object') throw broken(`attribute ${name} must be text, a number or a boolean`);
    attributes[name] = typeof value === 'string' ? value : String(value);
  }
  return outputMessage(plan, input, messageId, { ...dataOf(members, attributes.datacontenttype), attributes });
}

function dataOf(
  { data, data_base64: base64 }: Record<string, unknown>,
  declared: string | undefined,
): Pick<RawOutput, 'contentType' | 'body'> {
  if (base64 !== undefined) {
    if (typeof base64 !== 'string') throw broken('data_base64 must be text');
    return { contentType: declared, body: Buffer.from(base64, 'base64') };
  }
  if (data === undefined) return { contentType: declared, body: '' };
  const bare = bareContentType(declared);
  if (typeof data === 'string' && bare !== undefined && !isJsonContentType(bare))
    return { contentType: declared, body: data };
  return { contentType: declared ?? 'application/json', body: JSON.stringify(data) };
}

/** Bytes as a message for the stage's out_topic. */
export function outputMessage(plan: StagePlan, input: InputEvent, messageId: string, output: RawOutput): StreamMessage {
  const { attributes } = output;
  const { out_topic: topic } = plan.definition;
  if (topic === undefined || plan.stage === 'capture') throw broken('the stage has no out_topic');
  const head = new HeaderBlock()
    .set('Nats-Msg-Id', messageId)
    .set(REV_HEADER, plan.rev)
    .attribute('specversion', '1.0')
    .attribute('id', attributes.id || messageId)
    .attribute('source', attributes.source || input.attributes.source || DEFAULT_SOURCE)
    .attribute('type', attributes.type || OUTPUT_TYPE[plan.stage])
    .attribute('time', attributes.time || isoNow())
    .attribute('correlationid', attributes.correlationid ?? correlationIdOf(input));
  if (output.contentType !== undefined) head.set('Content-Type', output.contentType);
  const traceparent = attributes.traceparent ?? input.attributes.traceparent;
  if (traceparent !== undefined) head.attribute('traceparent', traceparent);
  const proof = attributes[SOURCE_PROOF_ATTRIBUTE] ?? input.attributes[SOURCE_PROOF_ATTRIBUTE];
  if (proof !== undefined) head.attribute(SOURCE_PROOF_ATTRIBUTE, proof);
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined && !WRITTEN.has(name)) head.attribute(name, value);
  }
  return { subject: topic, head: head.text(), body: output.body };
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
  SOURCE_PROOF_ATTRIBUTE,
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
