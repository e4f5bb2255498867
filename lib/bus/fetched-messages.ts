import type { Consumer, JsMsg } from '@nats-io/jetstream';

export interface FetchOptions {
  /** How many there are to read; without end when left out. */
  readonly most?: number | undefined;
  /** How many are held at a time. */
  readonly atOnce: number;
  readonly signal?: AbortSignal | undefined;
}

/** How long a request for messages stands at the server. */
const EXPIRES_MS = 30_000;
/** When all that is asked for should be there: how long until it is looked whether it is. */
const LAST_EXPIRES_MS = 1000;

/**
 * Messages of a consumer. It asks for some at a time, and for more when those are read: the client's `consume` takes what comes whether
 * anybody reads it or not, which for a slow reader is the whole topic in memory. It also ends when what is still to be read is gone, as
 * something else may drop messages meanwhile.
 *
 * @throws what the client throws when the server is lost, or has forgotten the consumer.
 */
export async function* fetchedMessages(
  consumer: Consumer,
  { most, atOnce, signal }: FetchOptions,
): AsyncGenerator<JsMsg> {
  let left = most ?? Number.POSITIVE_INFINITY;
  let lastDelivery = 0;
  const expires = most === undefined ? EXPIRES_MS : LAST_EXPIRES_MS;
  while (left > 0 && !signal?.aborted) {
    const asked = Math.min(left, atOnce);
    const messages = await consumer.fetch({ max_messages: asked, expires });
    const stop = () => messages.stop();
    signal?.addEventListener('abort', stop, { once: true });
    let came = 0;
    try {
      for await (const message of messages) {
        came++;
        lastDelivery = message.info.deliverySequence;
        yield message;
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      stop();
    }
    left -= came;
    if (most === undefined || came === asked) continue;
    const { num_pending: pending, delivered } = await consumer.info();
    if (pending > 0) continue;
    // Sent to a connection that was lost meanwhile: that is not the end.
    if (delivered.consumer_seq > lastDelivery) throw new Error('some messages were lost on their way');
    return;
  }
}
