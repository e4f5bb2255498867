import { setTimeout as delay } from 'node:timers/promises';
import {
  type Consumer,
  DeliverPolicy,
  JetStreamApiError,
  type JsMsg,
  jetstream,
  type OrderedConsumerOptions,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { pairsOf, readAttributes } from './event-headers.ts';
import { fetchedMessages } from './fetched-messages.ts';
import { entranceSubjects, STREAM } from './subjects.ts';
import type { ReadOptions, TopicMessage, TopicReader } from './topic-reader.ts';

const STREAM_NOT_FOUND = 10059;
/** Messages that are held at a time; one may have 10 MiB. */
const AT_ONCE = 50;
/** Between two tries to read on after the server was lost. */
const AGAIN_MS = 500;

/** Opens a reader on JetStream. */
export function openJetStreamTopicReader(connection: NatsConnection): TopicReader {
  const js = jetstream(connection);
  return {
    async *read(topic, options) {
      let { from } = options;
      const open = () => reported(() => js.consumers.get(STREAM, consumerOptions(topic, { ...options, from })));
      let consumer: Consumer | undefined = await open();
      while (!options.signal?.aborted) {
        try {
          // A server that was started anew does not know any more whom it served.
          consumer ??= await open();
          for await (const message of messagesOf(consumer, options)) {
            from = { seq: message.seq + 1 };
            yield message;
          }
          return;
        } catch (cause) {
          if (options.until === 'end') throw unavailable(cause);
          await pause(options.signal);
        } finally {
          await consumer?.delete().catch(isGone);
          consumer = undefined;
        }
      }
    },
    async lastSeq() {
      const manager = await reported(() => js.jetstreamManager(false));
      const info = await reported(() => manager.streams.info(STREAM));
      return info.state.last_seq;
    },
  };
}

async function* messagesOf(consumer: Consumer, { until, signal }: ReadOptions): AsyncGenerator<TopicMessage> {
  const most = until === 'end' ? (await consumer.info(true)).num_pending : undefined;
  for await (const message of fetchedMessages(consumer, { most, atOnce: AT_ONCE, signal })) yield topicMessage(message);
}

function consumerOptions(topic: string, { from, entrances = false }: ReadOptions): Partial<OrderedConsumerOptions> {
  const filter = { filter_subjects: [topic, `${topic}.>`, ...(entrances ? entranceSubjects(topic) : [])] };
  if (from === 'now') return { ...filter, deliver_policy: DeliverPolicy.New };
  if ('seq' in from) {
    return { ...filter, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: Math.max(1, from.seq) };
  }
  return { ...filter, deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.time.toISOString() };
}

function topicMessage(message: JsMsg): TopicMessage {
  return {
    seq: message.seq,
    subject: message.subject,
    time: message.time,
    attributes: readAttributes(pairsOf(message.headers)),
    body: message.data,
  };
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(AGAIN_MS, undefined, signal && { signal });
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

async function reported<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw unavailable(cause);
  }
}

function unavailable(cause: unknown): BoxError {
  if (cause instanceof BoxError) return cause;
  const missing = cause instanceof JetStreamApiError && cause.code === STREAM_NOT_FOUND;
  const why = missing ? 'the stream is not there yet; is the connector running?' : errorText(cause);
  return new BoxError('unavailable', `Cannot read topic: ${why}`, { cause });
}

/** An ordered consumer that the server dropped by itself needs no deleting. */
function isGone(): boolean {
  return false;
}
