import {
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StoredMsg,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { readDeadLetter, revivedMessage } from './dead-letter-headers.ts';
import type { DeadLetter, DeadLetterFilter, DeadLetters } from './dead-letters.ts';
import { pairsOf, readHeader } from './event-headers.ts';
import { fetchedMessages } from './fetched-messages.ts';
import { openStoredPublish, type StoredPublish } from './stored-publish.ts';
import { consumerName, DEAD_STREAM, deadSubject, STREAM, stageSubject } from './subjects.ts';

const NOT_FOUND_CODES: readonly number[] = [10037, 10043, 10057];
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const TIMEOUT_MS = 5000;
const REPLAY_PAGE = 100;

/** Opens the dead letters on JetStream. */
export async function openJetStreamDeadLetters(connection: NatsConnection): Promise<DeadLetters> {
  const manager = await jetstreamManager(connection).catch(unavailable);
  const publish = openStoredPublish(connection);
  const list: DeadLetters['list'] = (filter, page) => listLetters(connection, filter, page);
  const replay: DeadLetters['replay'] = (seq) => replayLetter(manager, publish, seq);
  return {
    list,
    replay,
    async show(seq) {
      const { letter, stored } = await load(manager, seq);
      return { ...letter, body: stored.data };
    },
    async replayAll(filter) {
      let count = 0;
      let afterSeq = 0;
      for (;;) {
        const { letters } = await list(filter, { limit: REPLAY_PAGE, afterSeq });
        if (letters.length === 0) return count;
        for (const { seq } of letters) {
          await replay(seq);
          count++;
          afterSeq = seq;
        }
      }
    },
    async remove(seq) {
      await load(manager, seq);
      await manager.streams.deleteMessage(DEAD_STREAM, seq, false).catch(unavailable);
    },
    close: () => publish.close(),
  };
}

async function listLetters(
  connection: NatsConnection,
  { scenario, stage }: DeadLetterFilter,
  { limit, afterSeq }: { readonly limit: number; readonly afterSeq?: number },
): Promise<{ letters: DeadLetter[]; total: number }> {
  const letters: DeadLetter[] = [];
  try {
    const consumer = await jetstream(connection).consumers.get(DEAD_STREAM, {
      filter_subjects: [deadSubject(scenario ?? '*', stage ?? '*')],
      headers_only: true,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: (afterSeq ?? 0) + 1,
    });
    const total = (await consumer.info(true)).num_pending;
    for await (const message of fetchedMessages(consumer, { most: Math.min(total, limit), atOnce: 500 })) {
      const headers = pairsOf(message.headers);
      const bytes = Number(readHeader(headers, 'Nats-Msg-Size') ?? message.data.length);
      const letter = readDeadLetter(message.seq, headers, bytes);
      if (letter !== undefined) letters.push(letter);
    }
    await consumer.delete();
    return { letters, total };
  } catch (cause) {
    // Before the connector's first start there is no stream, and so no dead letter.
    if (cause instanceof JetStreamApiError && cause.code === STREAM_NOT_FOUND) return { letters: [], total: 0 };
    return unavailable(cause);
  }
}

async function load(manager: JetStreamManager, seq: number): Promise<{ letter: DeadLetter; stored: StoredMsg }> {
  const stored = await manager.streams.getMessage(DEAD_STREAM, { seq }).catch((cause: unknown) => {
    const missing =
      cause instanceof JetStreamApiError && (NOT_FOUND_CODES.includes(cause.code) || cause.code === STREAM_NOT_FOUND);
    return missing ? null : unavailable(cause);
  });
  const letter = stored === null ? undefined : readDeadLetter(seq, pairsOf(stored.header), stored.data.length);
  if (stored === null || letter === undefined) {
    throw new BoxError('not_found', `Cannot find dead letter ${seq}: there is none with this number`);
  }
  return { letter, stored };
}

async function replayLetter(manager: JetStreamManager, publish: StoredPublish, seq: number): Promise<void> {
  const { letter, stored } = await load(manager, seq);
  const { scenario, stage } = letter;
  await manager.consumers.info(STREAM, consumerName(scenario, stage)).catch((cause: unknown) => {
    if (!(cause instanceof JetStreamApiError && cause.code === CONSUMER_NOT_FOUND)) return unavailable(cause);
    throw new BoxError(
      'not_found',
      `Cannot replay dead letter ${seq}: scenario ${scenario} has no stage ${stage} any more`,
    );
  });
  const subject = stageSubject(scenario, stage, 'replay');
  const [outcome] = await publish.publish(
    [revivedMessage(subject, letter, pairsOf(stored.header), stored.data)],
    TIMEOUT_MS,
  );
  if (outcome instanceof BoxError) throw outcome;
  await manager.streams.deleteMessage(DEAD_STREAM, seq, false).catch(unavailable);
}

function unavailable(cause: unknown): never {
  throw new BoxError('unavailable', `Cannot reach the dead letters: ${errorText(cause)}`, { cause });
}
