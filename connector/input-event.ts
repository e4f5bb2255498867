import type { Attributes } from '#lib/bus/event-headers.ts';
import type { StageMessage } from '#lib/bus/stage-queue.ts';
import { sourceOf } from '#lib/bus/subjects.ts';
import {
  bareContentType,
  EVENT_TYPE,
  isJsonContentType,
  SEQUENCE_ATTRIBUTE,
  STORED_ATTRIBUTE,
} from '#lib/message/cloud-event.ts';
import { isJsonText } from '#lib/message/json-text.ts';
import type { PipelineStage, Stage } from '#lib/scenario/scenario.ts';
import { SOURCE_PROOF_ATTRIBUTE, SOURCE_REV_ATTRIBUTE, type SourceProof } from '#lib/source/source.ts';

/** Who sent a signal, and how that was made sure of; without proof it is what the sender says. */
export interface Sender {
  readonly source: string;
  readonly proof: SourceProof | undefined;
  /** The source's revision, where it has a data descriptor of its own. */
  readonly rev?: string | undefined;
}

/** A message as the event that a function gets. */
export interface InputEvent {
  readonly message: StageMessage;
  readonly id: string;
  /** Every attribute, also those that the message itself did not have. */
  readonly attributes: Attributes;
  /** Whether its data is JSON for certain and may stand in a JSON document as it is. */
  readonly isJson: boolean;
}

/** What a message without a type is, by the stage that it waits for. */
const INPUT_TYPE: Readonly<Record<Stage, string>> = {
  ingestion: EVENT_TYPE.signal,
  inference: EVENT_TYPE.features,
  notification: EVENT_TYPE.prediction,
  capture: EVENT_TYPE.prediction,
};

/** What a stage makes of its input. */
export const OUTPUT_TYPE: Readonly<Record<PipelineStage, string>> = {
  ingestion: EVENT_TYPE.features,
  inference: EVENT_TYPE.prediction,
  notification: EVENT_TYPE.notification,
};

/**
 * A message as an event; what it lacks of a CloudEvent is given to it. `topics` are those that the stage reads, `sender` is
 * known of a signal from outside.
 */
export function inputEvent(
  message: StageMessage,
  stage: Stage,
  topics: readonly string[],
  sender?: Sender,
): InputEvent {
  const given = message.attributes;
  // Whoever sends a signal may write our mark on it; that is no reason to believe that it is JSON.
  const isOurs = sender === undefined && message.ours;
  const declared = given.datacontenttype;
  const bare = bareContentType(declared);
  // It must be certain: the bytes are spliced into the batch, where `1},{"id":"…"` would pass for an event of its own.
  const isJson = bare === undefined || isJsonContentType(bare) ? isOurs || isJsonText(message.body) : false;
  const id = given.id || String(message.seq);
  const attributes: Attributes = {
    ...given,
    specversion: '1.0',
    id,
    source: given.source || sourceOf(message.subject, topics.find((topic) => isBelow(message.subject, topic)) ?? ''),
    // A timer is what the connector makes of one: from outside it would be somebody else's hand on the clock.
    type: (sender !== undefined && given.type === EVENT_TYPE.timer ? '' : given.type) || INPUT_TYPE[stage],
    time: given.time ?? isoTime(message.storedMs),
    datacontenttype: declared ?? (isJson ? 'application/json' : 'application/octet-stream'),
    [SEQUENCE_ATTRIBUTE]: String(message.seq),
    [STORED_ATTRIBUTE]: isoTime(message.storedMs),
  };
  return { message, id, attributes: sender === undefined ? attributes : sentBy(sender, attributes), isJson };
}

/** What a sender says of his own proof counts for nothing. */
function sentBy({ source, proof, rev }: Sender, given: Attributes): Attributes {
  const { [SOURCE_PROOF_ATTRIBUTE]: _, [SOURCE_REV_ATTRIBUTE]: __, ...attributes } = given;
  return {
    ...attributes,
    source,
    ...(proof !== undefined && { [SOURCE_PROOF_ATTRIBUTE]: proof }),
    ...(rev !== undefined && { [SOURCE_REV_ATTRIBUTE]: rev }),
  };
}

/** The signal's correlation id: carried along, or the event's own where the event is the signal. */
export function correlationIdOf({ attributes, id }: InputEvent): string {
  return attributes.correlationid ?? id;
}

function isBelow(subject: string, topic: string): boolean {
  return subject === topic || subject.startsWith(`${topic}.`);
}

let lastMs = 0;
let lastIso = '';

/** RFC 3339; messages of a batch share their milliseconds. */
function isoTime(ms: number): string {
  if (ms !== lastMs || lastIso === '') {
    lastMs = ms;
    lastIso = new Date(ms).toISOString();
  }
  return lastIso;
}
