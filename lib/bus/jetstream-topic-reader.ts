import {
  DeliverPolicy,
  JetStreamApiError,
  type JsMsg,
  jetstream,
  type OrderedConsumerOptions,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { pairsOf, readAttributes } from './event-headers.ts';
import { entranceSubjects, STREAM } from './subjects.ts';
import type { ReadOptions, TopicMessage, TopicReader } from './topic-reader.ts';

const STREAM_NOT_FOUND = 10059;

/** Opens a reader on JetStream. */
export function openJetStreamTopicReader(connection: NatsConnection): TopicReader {
  const js = jetstream(connection);
  return {
    async *read(topic, options) {
      const consumer = await reported(() => js.consumers.get(STREAM, consumerOptions(topic, options)));
      const { num_pending: waiting } = await reported(() => consumer.info(true));
      if (options.until === 'end' && waiting === 0) return;
      const messages = await consumer.consume({ max_messages: 200 });
      const stop = () => messages.stop();
      options.signal?.addEventListener('abort', stop, { once: true });
      try {
        if (options.signal?.aborted) return;
        let left = waiting;
        for await (const message of messages) {
          yield topicMessage(message);
          if (options.until === 'end' && --left === 0) return;
        }
      } finally {
        options.signal?.removeEventListener('abort', stop);
        messages.stop();
        await consumer.delete().catch(isGone);
      }
    },
    async lastSeq() {
      const manager = await reported(() => js.jetstreamManager(false));
      const info = await reported(() => manager.streams.info(STREAM));
      return info.state.last_seq;
    },
  };
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

async function reported<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    const missing = cause instanceof JetStreamApiError && cause.code === STREAM_NOT_FOUND;
    const why = missing ? 'the stream is not there yet; is the connector running?' : errorText(cause);
    throw new BoxError('unavailable', `Cannot read topic: ${why}`, { cause });
  }
}

/** An ordered consumer that the server dropped by itself needs no deleting. */
function isGone(): boolean {
  return false;
}
