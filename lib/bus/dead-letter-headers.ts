import { STAGES } from '../scenario/scenario.ts';
import type { DeadLetter } from './dead-letters.ts';
import {
  type Attributes,
  decodeValue,
  encodeValue,
  HeaderBlock,
  type HeaderPair,
  readAttributes,
} from './event-headers.ts';
import type { StageMessage } from './stage-queue.ts';
import type { StreamMessage } from './stored-publish.ts';
import { deadSubject } from './subjects.ts';

/** How a dead letter says why and whence: headers beside those of the message itself. */
const PREFIX = 'box-dead-';
const MAX_REASON_LENGTH = 2000;

export type Death = Omit<DeadLetter, 'seq' | 'attributes' | 'bytes' | 'subject' | 'inputSeq'>;

/** A message with the reason of its death, for the stream of dead letters. `attributes` are those that the function was given. */
export function deadLetterMessage(
  messageId: string,
  message: StageMessage,
  attributes: Attributes,
  death: Death,
): StreamMessage {
  const head = new HeaderBlock().set('Nats-Msg-Id', messageId);
  for (const [name, value] of message.headers()) if (isOwn(name)) head.set(name, value);
  head.attributes({ specversion: '1.0', ...attributes });
  const facts = {
    scenario: death.scenario,
    stage: death.stage,
    code: death.code,
    reason: death.reason.slice(0, MAX_REASON_LENGTH),
    time: death.time,
    attempts: death.attempts,
    rev: death.rev,
    subject: message.subject,
    seq: message.seq,
  };
  for (const [name, value] of Object.entries(facts)) head.set(`Box-Dead-${name}`, encodeValue(String(value)));
  return { subject: deadSubject(death.scenario, death.stage), head: head.text(), body: message.body };
}

/** A header that is neither an attribute, nor the bus's, nor of an earlier death. */
function isOwn(name: string): boolean {
  const lower = name.toLowerCase();
  return !/^(ce-|nats-|box-dead-|content-type$|traceparent$)/.test(lower);
}

/** Reads a dead letter; undefined for a message that is none. */
export function readDeadLetter(seq: number, headers: readonly HeaderPair[], bytes: number): DeadLetter | undefined {
  const facts: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.toLowerCase().startsWith(PREFIX)) facts[name.slice(PREFIX.length).toLowerCase()] = decodeValue(value);
  }
  const stage = STAGES.find((known) => known === facts.stage);
  if (facts.scenario === undefined || stage === undefined) return undefined;
  return {
    seq,
    scenario: facts.scenario,
    stage,
    code: facts.code ?? '',
    reason: facts.reason ?? '',
    time: facts.time ?? '',
    attempts: Number(facts.attempts ?? 0),
    subject: facts.subject ?? '',
    inputSeq: Number(facts.seq ?? 0),
    rev: facts.rev ?? '',
    attributes: readAttributes(headers),
    bytes,
  };
}

/** The message as it was before its death, to be processed again. */
export function revivedMessage(
  subject: string,
  letter: DeadLetter,
  headers: readonly HeaderPair[],
  body: Uint8Array,
): StreamMessage {
  const head = new HeaderBlock().set('Nats-Msg-Id', `replay.${letter.seq}.${letter.time}`);
  for (const [name, value] of headers) if (isOwn(name)) head.set(name, value);
  return { subject, head: head.attributes(letter.attributes).text(), body };
}
