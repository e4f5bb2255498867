import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type Channel, type ConsumeMessage, connect } from 'amqplib';
import { errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { closeQuietly } from '#lib/net/close-quietly.ts';
import { openBackoff } from './backoff.ts';
import { shouldRetry } from './batch-calls.ts';
import { MAX_CRASHES, openCrashWatch } from './crash-watch.ts';
import { type Reply, readReply } from './function-reply.ts';
import type { Invoker } from './invoker.ts';
import type { ConnectorMetrics } from './metrics.ts';
import { openTurns, type Turns } from './turns.ts';

/** Brings the tasks of a RabbitMQ queue to a function, one per call. */
export interface RabbitmqTrigger {
  /** Ends; calls in flight are finished unless that takes longer than `graceMs`. What is not acknowledged comes again. */
  close(graceMs: number): Promise<void>;
}

export interface RabbitmqTriggerParts {
  /** Asked for at every connection, so that a changed secret is taken up. */
  readonly url: () => Promise<string>;
  readonly queue: string;
  /** Makes the queue, and what belongs to it, unless it is there. */
  readonly declare: (channel: Channel) => Promise<void>;
  readonly functionName: string;
  /** The `ce-type` of a task. */
  readonly type: string;
  /** How many tasks are worked on at once. */
  readonly prefetch: number;
  /** How often a task may fail before it is given up: the queue's dead-letter exchange gets it. */
  readonly maxDeliver: number;
  readonly invoker: Invoker;
  readonly log: Log;
  readonly metrics: ConnectorMetrics;
}

const CONNECT_TIMEOUT_MS = 5000;
const RECONNECT_BACKOFF = { firstMs: 500, maxMs: 5000 };
const AWAY_BACKOFF = { firstMs: 100, maxMs: 10_000 };
const FAILED_BACKOFF = { firstMs: 500, maxMs: 30_000 };

/** Starts working on a queue; a broker that is not there (yet) is waited for. */
export function startRabbitmqTrigger(parts: RabbitmqTriggerParts): RabbitmqTrigger {
  /** Ends taking; what is under way goes on. */
  const ending = new AbortController();
  /** Ends what is under way. */
  const stop = new AbortController();
  const underWay = new Set<Promise<void>>();
  const turns = openTurns();

  const run = async () => {
    const backoff = openBackoff(RECONNECT_BACKOFF);
    while (!ending.signal.aborted) {
      try {
        await session(parts, { underWay, turns, ending: ending.signal, stop: stop.signal }, backoff.reset);
      } catch (error) {
        parts.log.warn({ queue: parts.queue, reason: errorText(error) }, 'the task queue cannot be read at the moment');
      }
      await backoff.wait(ending.signal);
    }
  };
  const running = run();
  return {
    async close(graceMs) {
      ending.abort();
      const timer = setTimeout(() => stop.abort(), graceMs);
      await running;
      clearTimeout(timer);
    },
  };
}

/** What outlives a connection. */
interface Running {
  readonly underWay: Set<Promise<void>>;
  readonly turns: Turns;
  readonly ending: AbortSignal;
  readonly stop: AbortSignal;
}

/** One connection, until it is lost or the trigger ends. */
async function session(
  parts: RabbitmqTriggerParts,
  { underWay, turns, ending, stop }: Running,
  onReady: () => void,
): Promise<void> {
  // Without noDelay an acknowledgement holds up the next call by the 40 ms of a delayed TCP acknowledgement.
  const connection = await connect(await parts.url(), { timeout: CONNECT_TIMEOUT_MS, noDelay: true });
  let failure: unknown;
  const closed = once(connection, 'close').catch((error: unknown) => {
    failure = error;
  });
  connection.on('error', (error: unknown) => {
    failure = error;
  });
  const lost = new AbortController();
  void closed.then(() => lost.abort());
  try {
    const channel = await connection.createChannel();
    channel.on('error', (error: unknown) => {
      failure = error;
    });
    channel.once('close', () => lost.abort());
    await channel.prefetch(parts.prefetch);
    // To ask for a queue that nobody has made yet is an error to RabbitMQ, with two lines in its log each time.
    await parts.declare(channel);
    const { consumerTag } = await channel.consume(parts.queue, (message) => {
      if (message === null) {
        // The queue was deleted.
        lost.abort();
        return;
      }
      const task = work(parts, turns, channel, message, AbortSignal.any([stop, lost.signal])).finally(() =>
        underWay.delete(task),
      );
      underWay.add(task);
    });
    onReady();
    parts.log.info({ queue: parts.queue, function: parts.functionName }, 'waiting for tasks');
    await aborted(AbortSignal.any([ending, lost.signal]));
    if (!lost.signal.aborted) await channel.cancel(consumerTag);
    await Promise.all(underWay);
    // RabbitMQ forgets acknowledgements that come right before the end of a connection; before that of a channel it heeds them.
    if (!lost.signal.aborted) await closeQuietly(channel);
    if (failure !== undefined) throw failure;
  } finally {
    await closeQuietly(connection).catch((error: unknown) =>
      parts.log.debug({ err: error }, 'the connection could not be closed'),
    );
  }
}

/**
 * Calls the function about a task until that has come to something, and tells the broker. A task whose process ended is asked about
 * alone from then on: it may have been another task that ended it.
 */
async function work(
  parts: RabbitmqTriggerParts,
  turns: Turns,
  channel: Channel,
  message: ConsumeMessage,
  signal: AbortSignal,
): Promise<void> {
  const id = taskId(message);
  const first = await turns.together(() => call(parts, id, message.content, 1, signal));
  const last =
    first === 'crashed' ? await turns.alone(() => call(parts, id, message.content, MAX_CRASHES, signal)) : first;
  if (last === 'crashed')
    parts.log.error({ queue: parts.queue, task: id }, 'given up: each process of the function that had it ended');
  const verdict = last === 'crashed' ? 'dead' : last;
  // Without a verdict, and without a channel to give it on, the broker hands the task out again.
  if (verdict === undefined || signal.aborted) return;
  parts.metrics.task(parts.queue, verdict);
  if (verdict === 'ok') channel.ack(message);
  else channel.nack(message, false, false);
}

/** `crashed`: so many processes have ended, one after the other, that had it. Undefined when it was told to end. */
async function call(
  parts: RabbitmqTriggerParts,
  id: string,
  body: Buffer,
  maxCrashes: number,
  signal: AbortSignal,
): Promise<'ok' | 'dead' | 'crashed' | undefined> {
  const { functionName, log, maxDeliver, queue } = parts;
  const headers = {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-type': parts.type,
    'ce-source': 'rabbitmq',
    'ce-time': new Date().toISOString(),
  };
  const away = openBackoff(AWAY_BACKOFF);
  const failed = openBackoff(FAILED_BACKOFF);
  const crashWatch = openCrashWatch(parts.invoker, functionName);
  let failures = 0;
  let crashes = 0;
  while (!signal.aborted) {
    const started = performance.now();
    const reply = readReply(await parts.invoker.post(functionName, { headers, body }, signal), [id]);
    if (signal.aborted) return undefined;
    parts.metrics.call(functionName, reply.kind, 1, (performance.now() - started) / 1000);
    if (reply.kind === 'away') {
      log.warn({ queue, task: id, code: reply.code }, reply.message);
      await away.wait(signal, reply.retryAfterMs);
      if (signal.aborted || !reply.lost || !(await crashWatch.lost())) continue;
      away.reset();
      crashes++;
      if (crashes < maxCrashes) continue;
      return 'crashed';
    }
    away.reset();
    crashWatch.answered();
    const error = errorOf(reply);
    if (error === undefined) return 'ok';
    failures++;
    if (!error.retry || failures >= maxDeliver) {
      log.error({ queue, task: id, code: error.code, failures }, `given up: ${error.message}`);
      return 'dead';
    }
    log.warn({ queue, task: id, code: error.code, failures }, error.message);
    parts.metrics.task(queue, 'retry');
    await failed.wait(signal);
  }
  return undefined;
}

/** What went wrong with the task; undefined when it is done. */
function errorOf(
  reply: Exclude<Reply, { kind: 'away' }>,
): { code: string; message: string; retry: boolean } | undefined {
  if (reply.kind === 'plain') return undefined;
  if (reply.kind === 'refused') return { code: reply.code, message: reply.message, retry: false };
  if (reply.kind === 'failed') return { code: reply.code, message: reply.message, retry: true };
  const [result] = reply.results;
  if (result === undefined || 'events' in result) return undefined;
  const { code, message, retry } = result.error;
  return { code, message, retry: shouldRetry(code, retry) };
}

/** The id by which a function knows a task again: the order and its shard, else the message's own, else its content's hash. */
export function taskId({ content, properties }: Pick<ConsumeMessage, 'content' | 'properties'>): string {
  const order = orderOf(content);
  const shard: unknown = properties.headers?.shard;
  if (order !== undefined && (typeof shard === 'number' || typeof shard === 'string')) return `${order}.${shard}`;
  const own: unknown = properties.messageId;
  if (typeof own === 'string' && /^[!-~]+$/.test(own)) return own;
  return createHash('sha256').update(content).digest('hex');
}

function orderOf(content: Buffer): string | undefined {
  try {
    const body: unknown = JSON.parse(content.toString('utf8'));
    if (typeof body !== 'object' || body === null || !('sensory_batch_request_id' in body)) return undefined;
    const { sensory_batch_request_id: order } = body;
    return typeof order === 'string' && /^[!-~]+$/.test(order) ? order : undefined;
  } catch (error) {
    // The function says what is wrong with it.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
