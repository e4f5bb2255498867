import type { Publisher, Receipt } from '#lib/bus/publisher.ts';
import { DEFAULT_SOURCE, doorSubject } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { EVENT_TYPE } from '#lib/message/cloud-event.ts';
import { type ScenarioRecord, stagesOf } from '#lib/scenario/scenario.ts';
import { SOURCE_PROOF_ATTRIBUTE } from '#lib/source/source.ts';
import type { Admission } from './gate.ts';
import { newSignalId } from './signal-id.ts';

/** A signal as a caller hands it in. */
export interface IncomingSignal {
  readonly body: Buffer;
  readonly contentType: string | undefined;
  /** The caller's own id, by which a signal that is sent again is stored once. */
  readonly id: string | undefined;
  /** When the signal was taken, RFC 3339; now when left out. */
  readonly time: string | undefined;
  readonly traceparent: string | undefined;
}

export interface Accepted extends Receipt {
  readonly correlationId: string;
  /** The scenario as it was when the signal was taken. */
  readonly record: ScenarioRecord;
}

export interface Door {
  /**
   * Stores a signal for the scenario's first stage and resolves once it is stored.
   *
   * @throws BoxError `invalid_argument`, `too_large`, `resource_exhausted` when the stream is full, `unavailable` when the bus does not answer.
   */
  take(admission: Admission, signal: IncomingSignal): Promise<Accepted>;
}

export interface DoorParts {
  readonly publisher: Publisher;
  readonly maxSignalBytes: number;
}

const MAX_ID_LENGTH = 200;

/** Opens the door for signals. A paused scenario takes them too: they wait. */
export function openDoor({ publisher, maxSignalBytes }: DoorParts): Door {
  return {
    async take(admission, signal) {
      checkSignal(signal, maxSignalBytes);
      const { scenario: record, source, known, proof } = admission;
      const subject = subjectOf(firstTopic(record), admission);
      const now = Date.now();
      const id = signal.id ?? newSignalId(now);
      const receipt = await publisher
        .publish(subject, {
          body: signal.body,
          attributes: {
            id,
            source: source ?? DEFAULT_SOURCE,
            type: EVENT_TYPE.signal,
            time: signal.time ?? new Date(now).toISOString(),
            ...(signal.contentType !== undefined && { datacontenttype: signal.contentType }),
            ...(signal.traceparent !== undefined && { traceparent: signal.traceparent }),
            ...(known !== undefined && { [SOURCE_PROOF_ATTRIBUTE]: proof }),
          },
          ...(signal.id !== undefined && { messageId: `signal ${subject} ${signal.id}` }),
        })
        .catch((error: unknown) => {
          throw doorError(error);
        });
      return { correlationId: id, record, ...receipt };
    },
  };
}

/** A source that is known comes in where the door alone publishes: the connector takes the door's word for it. */
function subjectOf(topic: string, { source, known }: Admission): string {
  if (known !== undefined) return doorSubject(known.id, topic);
  return source === undefined ? topic : `${topic}.${source}`;
}

function checkSignal(signal: IncomingSignal, maxBytes: number): void {
  if (signal.body.length === 0)
    throw new BoxError('invalid_argument', 'Cannot take signal: the body must not be empty');
  if (signal.body.length > maxBytes) {
    throw new BoxError(
      'too_large',
      `Cannot take signal: at most ${maxBytes} bytes are taken, got ${signal.body.length}`,
    );
  }
  if (signal.id !== undefined) checkId(signal.id, MAX_ID_LENGTH);
  if (signal.time !== undefined && !isTime(signal.time)) {
    throw new BoxError(
      'invalid_argument',
      `Cannot take signal: ce-time must be RFC 3339, got ${signal.time.slice(0, 40)}`,
    );
  }
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text));
}

/** @throws BoxError `invalid_argument` for an id that is none. */
export function checkId(id: string, maxLength: number): void {
  if (id.length <= maxLength && /^[\x21-\x7e]+$/.test(id)) return;
  throw new BoxError(
    'invalid_argument',
    `Cannot take signal: its id (Idempotency-Key or ce-id) must be 1 to ${maxLength} visible ASCII characters`,
  );
}

function firstTopic(record: ScenarioRecord): string {
  const [first] = stagesOf(record.scenario);
  if (first !== undefined) return first.definition.in_topic;
  throw new BoxError('conflict', `Cannot take signal: scenario ${record.id} has no stage that would process it`);
}

/** What the bus says, in the door's terms: a full stream is back-pressure; a scenario just put has no stream for a moment. */
function doorError(error: unknown): unknown {
  if (!(error instanceof BoxError)) return error;
  const retryAfterSeconds = error.retryAfterSeconds ?? 1;
  if (error.code === 'storage_full') {
    return new BoxError('resource_exhausted', 'Cannot take signal: the stream is full', {
      cause: error,
      retryAfterSeconds,
    });
  }
  if (error.code === 'not_found') {
    return new BoxError('unavailable', "Cannot take signal: the stream does not have the scenario's topic yet", {
      cause: error,
      retryAfterSeconds,
    });
  }
  if (error.code !== 'unavailable') return error;
  return new BoxError('unavailable', 'Cannot take signal: the bus does not answer', {
    cause: error,
    retryAfterSeconds,
  });
}
