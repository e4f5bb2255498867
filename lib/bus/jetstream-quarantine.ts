import { JetStreamApiError, type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { readDeadLetter, revivedMessage } from './dead-letter-headers.ts';
import type { DeadLetter } from './dead-letters.ts';
import { pairsOf } from './event-headers.ts';
import type { Quarantine, Quarantined } from './quarantine.ts';
import { openStoredPublish, type StoredPublish, type StreamMessage } from './stored-publish.ts';
import { consumerName, QUARANTINE_STREAM, quarantineSubject, STREAM, stageSubject, tokenText } from './subjects.ts';

const NOT_FOUND_CODES: readonly number[] = [10037, 10043, 10057, 10059];
const STREAM_NOT_FOUND = 10059;
const CONSUMER_NOT_FOUND = 10014;
const TIMEOUT_MS = 5000;

/** Opens the quarantine on JetStream: messages in the form of dead letters, in a stream of their own. */
export async function openJetStreamQuarantine(connection: NatsConnection): Promise<Quarantine> {
  const manager = await jetstreamManager(connection).catch(unavailable);
  const publish = openStoredPublish(connection);
  return {
    list: () => list(manager),
    async release(source) {
      let released = 0;
      let seq = 0;
      for (;;) {
        const stored = await nextOf(manager, source, seq + 1);
        if (stored === undefined) return released;
        seq = stored.seq;
        const letter = readDeadLetter(stored.seq, pairsOf(stored.header), stored.data.length);
        // Of a scenario that is not there (any more) it stays: nobody would take it.
        if (letter === undefined || !(await hasStage(manager, letter))) continue;
        if (await replay(publish, letter, stored)) released++;
        await manager.streams.deleteMessage(QUARANTINE_STREAM, stored.seq, false).catch(unavailable);
      }
    },
    async drop(source) {
      const filter = quarantineSubject('*', source);
      try {
        return (await manager.streams.purge(QUARANTINE_STREAM, { filter })).purged;
      } catch (cause) {
        if (isMissing(cause)) return 0;
        return unavailable(cause);
      }
    },
    close: () => publish.close(),
  };
}

async function list(manager: JetStreamManager): Promise<Quarantined[]> {
  try {
    const { state } = await manager.streams.info(QUARANTINE_STREAM, { subjects_filter: '>' });
    return Object.entries(state.subjects ?? {}).map(([subject, signals]) => {
      const [, , scenario = '', source = ''] = subject.split('.');
      return { scenario: tokenText(scenario), source: tokenText(source), signals };
    });
  } catch (cause) {
    // Before the connector's first start there is no such stream, and so nothing in it.
    if (cause instanceof JetStreamApiError && cause.code === STREAM_NOT_FOUND) return [];
    return unavailable(cause);
  }
}

async function nextOf(manager: JetStreamManager, source: string, seq: number): Promise<StoredMsg | undefined> {
  try {
    const query = { next_by_subj: quarantineSubject('*', source), seq };
    return (await manager.streams.getMessage(QUARANTINE_STREAM, query)) ?? undefined;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    return unavailable(cause);
  }
}

async function hasStage(manager: JetStreamManager, { scenario, stage }: DeadLetter): Promise<boolean> {
  try {
    await manager.consumers.info(STREAM, consumerName(scenario, stage));
    return true;
  } catch (cause) {
    if (cause instanceof JetStreamApiError && cause.code === CONSUMER_NOT_FOUND) return false;
    return unavailable(cause);
  }
}

/** Gives a signal back to its stage; false when that had been done before. */
async function replay(publish: StoredPublish, letter: DeadLetter, stored: StoredMsg): Promise<boolean> {
  const { scenario, stage, inputSeq } = letter;
  const subject = stageSubject(scenario, stage, 'replay');
  const message = revivedMessage(subject, letter, pairsOf(stored.header), stored.data);
  const [outcome] = await publish.publish([withId(message, `release.${scenario}.${inputSeq}`)], TIMEOUT_MS);
  if (outcome instanceof BoxError) throw outcome;
  return outcome?.duplicate === false;
}

/** The same signal may lie in quarantine twice, where the connector ended between two steps: its id is its place in the stream. */
function withId({ subject, head, body }: StreamMessage, id: string): StreamMessage {
  return { subject, head: head.replace(/Nats-Msg-Id: [^\r]*/, `Nats-Msg-Id: ${id}`), body };
}

function isMissing(cause: unknown): boolean {
  return cause instanceof JetStreamApiError && NOT_FOUND_CODES.includes(cause.code);
}

function unavailable(cause: unknown): never {
  if (cause instanceof BoxError) throw cause;
  throw new BoxError('unavailable', `Cannot reach the quarantine: ${errorText(cause)}`, {
    cause,
    retryAfterSeconds: 1,
  });
}
