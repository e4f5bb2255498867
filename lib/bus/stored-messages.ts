import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { pairsOf, readAttributes, readHeader } from './event-headers.ts';
import { MESSAGE_ID_HEADER } from './jetstream-published-ids.ts';
import { REV_HEADER } from './jetstream-stage-message.ts';
import { type MadeFrom, readOutputId } from './output-id.ts';
import { STREAM } from './subjects.ts';
import type { TopicMessage } from './topic-reader.ts';

/** A message of a topic, with what the connector wrote to it when a stage made it. */
export interface StoredMessage extends TopicMessage {
  /** Undefined for what came from outside. */
  readonly madeFrom: MadeFrom | undefined;
  /** The scenario's revision that made it. */
  readonly rev: string | undefined;
}

/** Reads single messages of the topics by their place in the stream. */
export interface StoredMessages {
  /**
   * The message with that sequence; undefined when it is not kept any more.
   *
   * @throws BoxError `unavailable` when the bus does not answer.
   */
  get(seq: number): Promise<StoredMessage | undefined>;
}

export function openStoredMessages(connection: NatsConnection): StoredMessages {
  const manager = jetstream(connection).jetstreamManager(false);
  return {
    async get(seq) {
      try {
        const message = await (await manager).direct.getMessage(STREAM, { seq });
        if (message === null) return undefined;
        const headers = pairsOf(message.header);
        const rev = readHeader(headers, REV_HEADER);
        return {
          seq: message.seq,
          subject: message.subject,
          time: message.time,
          attributes: readAttributes(headers),
          body: message.data,
          madeFrom: rev === undefined ? undefined : readOutputId(readHeader(headers, MESSAGE_ID_HEADER) ?? ''),
          rev,
        };
      } catch (cause) {
        throw new BoxError('unavailable', `Cannot read message ${seq}: ${errorText(cause)}`, { cause });
      }
    },
  };
}
