import { once } from 'node:events';
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { closeQuietly } from '#lib/net/close-quietly.ts';
import { declareTaskQueue, EXCHANGE, TASK_KEY } from '#lib/order/rabbitmq-task-queue.ts';
import type { MessageOrigin } from './order.ts';
import type { OrderQueue, ResultMessage, ResultPublisher, TakenMessage, Task } from './order-queue.ts';

/** A result queue that nobody reads for half an hour goes away, as the older service had it. */
const UNUSED_MS = 30 * 60 * 1000;
const CONNECT_TIMEOUT_MS = 5000;
/** Channels kept open for taking; more are opened and closed again. */
const MAX_IDLE_CHANNELS = 16;
/** Headers of a result message. Trainers of the older service read the body alone. */
const HEADER = { shard: 'box-shard', place: 'box-place', attempt: 'box-attempt' } as const;

/**
 * RabbitMQ as the older service used it. Queue types: docs/decisions/sensory-queues.md.
 *
 * @param url asked for at every connection, so that a changed secret is taken up.
 */
export function openRabbitmqOrderQueue(url: () => Promise<string>): OrderQueue {
  let prepared: Promise<void> | undefined;
  let idle: Channel[] = [];
  let submitting: Promise<ConfirmChannel> | undefined;
  let closed = false;
  // RabbitMQ stops reading from who publishes while its memory or disk is short: what empties the queues must go on.
  const publishing = openConnection(url, () => {
    submitting = undefined;
  });
  const taking = openConnection(url, () => {
    prepared = undefined;
    idle = [];
  });

  async function withChannel<T>(work: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = idle.pop() ?? (await openChannel());
    try {
      const result = await work(channel);
      keep(channel);
      return result;
    } catch (error) {
      await closeQuietly(channel);
      throw amqpError(error);
    }
  }

  function keep(channel: Channel): void {
    if (idle.length < MAX_IDLE_CHANNELS && !closed) idle.push(channel);
    else {
      // Nobody waits for a channel that is done with.
      closeQuietly(channel).catch(() => undefined);
    }
  }

  async function openChannel(): Promise<Channel> {
    try {
      const channel = await (await taking.connected()).createChannel();
      // A channel that the server closes tells the call in flight; it is not used again.
      channel.on('error', () => {
        idle = idle.filter((other) => other !== channel);
      });
      channel.once('close', () => {
        idle = idle.filter((other) => other !== channel);
      });
      return channel;
    } catch (error) {
      throw unavailable(error);
    }
  }

  function prepare(): Promise<void> {
    prepared ??= withChannel(declareTaskQueue).catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  }

  /** The channel of tasks, kept open. */
  function submitChannel(): Promise<ConfirmChannel> {
    submitting ??= openConfirmChannel(publishing).then(
      (channel) => {
        channel.once('close', () => {
          submitting = undefined;
        });
        return channel;
      },
      (error: unknown) => {
        submitting = undefined;
        throw error;
      },
    );
    return submitting;
  }

  return {
    prepare,
    async openResults(orderId) {
      await prepare();
      await withChannel((channel) => declareResults(channel, orderId));
    },
    async submit(tasks) {
      await prepare();
      const channel = await submitChannel();
      try {
        for (const task of tasks) {
          channel.publish(EXCHANGE, TASK_KEY, taskBody(task), {
            persistent: true,
            mandatory: true,
            contentType: 'application/json',
            messageId: `${task.orderId}.${task.shard}`,
            headers: { shard: task.shard },
          });
        }
      } catch (error) {
        throw unavailable(error);
      }
      try {
        await confirmed(channel, 'the task queue');
      } catch (error) {
        // Somebody may have removed the queue: the next order makes it again.
        prepared = undefined;
        throw new BoxError('unavailable', `Cannot take the order: ${errorText(error)}`, {
          cause: error,
          retryAfterSeconds: 1,
        });
      }
    },
    openPublisher: async (orderId) => openPublisher(await openConfirmChannel(publishing), orderId),
    take: (orderId) => takeFrom(orderId, openChannel, () => idle.pop(), keep),
    drop: (orderId, isUnwanted) => dropFrom(orderId, isUnwanted, openChannel),
    async removeResults(orderId) {
      await withChannel((channel) => channel.deleteQueue(orderId));
    },
    async close() {
      closed = true;
      await Promise.all([publishing.close(), taking.close()]);
    },
  };
}

interface Connection {
  connected(): Promise<ChannelModel>;
  close(): Promise<void>;
}

/** A connection that is made when it is first needed, and again when it was lost. */
function openConnection(url: () => Promise<string>, onLost: () => void): Connection {
  let connection: Promise<ChannelModel> | undefined;
  let closed = false;

  async function open(): Promise<ChannelModel> {
    // Without noDelay an acknowledgement holds up the next call by the 40 ms of a delayed TCP acknowledgement.
    const opened = await connect(await url(), { timeout: CONNECT_TIMEOUT_MS, noDelay: true });
    const forget = () => {
      connection = undefined;
      onLost();
    };
    opened.once('close', forget);
    // 'close' follows; the calls in flight tell their callers.
    opened.on('error', forget);
    return opened;
  }

  return {
    connected() {
      if (closed) throw new BoxError('unavailable', 'Cannot use RabbitMQ: the function is closing');
      connection ??= open().catch((error: unknown) => {
        connection = undefined;
        throw unavailable(error);
      });
      return connection;
    },
    async close() {
      closed = true;
      const open = await connection?.catch(() => undefined);
      if (open) await closeQuietly(open);
    },
  };
}

async function declareResults(channel: Channel, orderId: string): Promise<void> {
  await channel.assertQueue(orderId, { durable: true, expires: UNUSED_MS });
  await channel.bindQueue(orderId, EXCHANGE, orderId);
}

function taskBody({ orderId, size, noise }: Task): Buffer {
  return Buffer.from(JSON.stringify({ sensory_batch_request_id: orderId, batch_size: size, noise }));
}

async function openConfirmChannel(connection: Connection): Promise<ConfirmChannel> {
  try {
    const channel = await (await connection.connected()).createConfirmChannel();
    channel.on('error', () => undefined);
    return channel;
  } catch (error) {
    throw unavailable(error);
  }
}

/** Waits for the confirms of all that was published; a message that no queue took, and a lost connection, are errors. */
async function confirmed(channel: ConfirmChannel, queue: string): Promise<void> {
  let returned = false;
  const onReturn = () => {
    returned = true;
  };
  const ended = new AbortController();
  channel.on('return', onReturn);
  try {
    const lost = once(channel, 'close', { signal: ended.signal }).then(() => {
      throw new Error('the connection was lost before the broker confirmed');
    });
    await Promise.race([channel.waitForConfirms(), lost]);
  } catch (error) {
    throw unavailable(error);
  } finally {
    ended.abort();
    channel.off('return', onReturn);
  }
  // The broker sends back what it cannot route before it confirms it.
  if (returned) throw new BoxError('not_found', `Cannot publish to ${queue}: the queue is no more`);
}

function openPublisher(channel: ConfirmChannel, orderId: string): ResultPublisher {
  return {
    async publish(messages: readonly ResultMessage[]) {
      for (const { body, origin } of messages) {
        channel.publish(EXCHANGE, orderId, body, {
          persistent: true,
          mandatory: true,
          contentType: 'application/json',
          headers: {
            [HEADER.shard]: origin.shard,
            [HEADER.place]: origin.place,
            [HEADER.attempt]: origin.attempt,
          },
        });
      }
      await confirmed(channel, orderId);
    },
    close: () => closeQuietly(channel),
  };
}

async function takeFrom(
  orderId: string,
  openChannel: () => Promise<Channel>,
  fromIdle: () => Channel | undefined,
  keep: (channel: Channel) => void,
): Promise<TakenMessage | undefined> {
  const channel = fromIdle() ?? (await openChannel());
  const message = await getMessage(channel, orderId);
  if (message === false) {
    keep(channel);
    return undefined;
  }
  const settle = (how: () => void) => () => {
    how();
    keep(channel);
  };
  return {
    body: message.content,
    origin: readOrigin(message),
    accept: settle(() => channel.ack(message)),
    giveBack: settle(() => channel.nack(message, false, true)),
  };
}

async function getMessage(channel: Channel, queue: string): Promise<GetMessage | false> {
  try {
    return await channel.get(queue, { noAck: false });
  } catch (error) {
    throw amqpError(error);
  }
}

/** Takes all that is there, removes what is unwanted and puts the rest back, which keeps its place. */
async function dropFrom(
  orderId: string,
  isUnwanted: (origin: MessageOrigin) => boolean,
  openChannel: () => Promise<Channel>,
): Promise<number> {
  const channel = await openChannel();
  let dropped = 0;
  try {
    const { messageCount } = await channel.checkQueue(orderId);
    for (let i = 0; i < messageCount; i++) {
      const message = await channel.get(orderId, { noAck: false });
      if (message === false) break;
      if (!isUnwanted(readOrigin(message))) continue;
      channel.ack(message);
      dropped++;
    }
    return dropped;
  } catch (error) {
    throw amqpError(error);
  } finally {
    // What is not acknowledged goes back to its place when its channel closes.
    await closeQuietly(channel);
  }
}

function readOrigin(message: GetMessage): MessageOrigin {
  const headers: Readonly<Record<string, unknown>> = message.properties.headers ?? {};
  const number = (name: string) => {
    const value = headers[name];
    return typeof value === 'number' ? value : Number.NaN;
  };
  return { shard: number(HEADER.shard), place: number(HEADER.place), attempt: number(HEADER.attempt) };
}

function amqpError(error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 404) return new BoxError('not_found', 'Cannot find the queue: it is no more', { cause: error });
  return unavailable(error);
}

function unavailable(error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  return new BoxError('unavailable', `Cannot use RabbitMQ: ${errorText(error)}`, {
    cause: error,
    retryAfterSeconds: 1,
  });
}
