import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type Channel, type ConsumeMessage, connect } from 'amqplib';
import { errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { closeQuietly } from '#lib/net/close-quietly.ts';
import { DEAD_EXCHANGE, declareTaskQueue } from '#lib/order/rabbitmq-task-queue.ts';

/** The function's own queue of tasks that were given up, beside the one that people read. */
const FAILED_QUEUE = 'sensory.batch.request.failed.queue';

export interface DeadTasks {
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A task whose end cannot be recorded comes again, but not at once. */
const FAILED_PAUSE_MS = 5000;

/**
 * Tells of each task that whoever carries tasks has given up, until it is closed. A broker that is away is waited for.
 *
 * @param url asked for at every connection, so that a changed secret is taken up.
 * @param given what is to be done about it; a task whose `given` fails is told of again.
 */
export function watchDeadTasks(
  url: () => Promise<string>,
  given: (orderId: string, shard: number) => Promise<void>,
  log: Log,
): DeadTasks {
  const closing = new AbortController();
  const { signal } = closing;

  async function watch(): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      try {
        await session(url, given, log, signal, () => {
          pause = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (!signal.aborted) log.debug({ reason: errorText(error) }, 'tasks that are given up cannot be watched now');
      }
      await delay(pause, undefined, { signal }).catch(ignoreAbort);
    }
  }

  const watching = watch();
  return {
    async close() {
      closing.abort();
      await watching;
    },
  };
}

/** One connection, until it is lost or the watch ends. */
async function session(
  url: () => Promise<string>,
  given: (orderId: string, shard: number) => Promise<void>,
  log: Log,
  signal: AbortSignal,
  onReady: () => void,
): Promise<void> {
  const connection = await connect(await url(), { timeout: CONNECT_TIMEOUT_MS, noDelay: true });
  const lost = new AbortController();
  connection.on('error', () => lost.abort());
  connection.once('close', () => lost.abort());
  const end = AbortSignal.any([signal, lost.signal]);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => lost.abort());
    await declareTaskQueue(channel);
    await channel.assertQueue(FAILED_QUEUE, { durable: true });
    await channel.bindQueue(FAILED_QUEUE, DEAD_EXCHANGE, '#');
    await channel.prefetch(1);
    await channel.consume(FAILED_QUEUE, (message) => {
      if (message === null) lost.abort();
      else void settle(channel, message, given, log, end);
    });
    onReady();
    if (!end.aborted) await once(end, 'abort');
  } finally {
    await closeQuietly(connection);
  }
}

async function settle(
  channel: Channel,
  message: ConsumeMessage,
  given: (orderId: string, shard: number) => Promise<void>,
  log: Log,
  end: AbortSignal,
): Promise<void> {
  const task = readTask(message);
  try {
    if (task !== undefined) await given(task.orderId, task.shard);
    // Without a channel to say so on, the broker hands it out again.
    if (!end.aborted) channel.ack(message);
  } catch (error) {
    log.warn({ err: error, ...task }, 'Cannot record yet that a task was given up');
    await delay(FAILED_PAUSE_MS, undefined, { signal: end }).catch(ignoreAbort);
    if (!end.aborted) channel.nack(message, false, true);
  }
}

/** Order and shard of a task; undefined for what is none of ours, which people find in their own queue. */
function readTask({ content, properties }: ConsumeMessage): { orderId: string; shard: number } | undefined {
  const shard: unknown = properties.headers?.shard;
  const orderId = orderOf(content);
  return orderId === undefined || typeof shard !== 'number' ? undefined : { orderId, shard };
}

function orderOf(content: Buffer): string | undefined {
  try {
    const body: unknown = JSON.parse(content.toString('utf8'));
    if (typeof body !== 'object' || body === null || !('sensory_batch_request_id' in body)) return undefined;
    return typeof body.sensory_batch_request_id === 'string' ? body.sensory_batch_request_id : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
