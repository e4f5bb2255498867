import { setTimeout as delay } from 'node:timers/promises';
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { createInbox, type Msg, type NatsConnection, nanos, type Subscription, TimeoutError } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { JetStreamStageMessage } from './jetstream-stage-message.ts';
import { INBOX_PREFIX } from './nats-connection.ts';
import type { StageMessage, StageQueue } from './stage-queue.ts';
import { STREAM } from './subjects.ts';
import { openWire, type Wire } from './wire.ts';

export interface StageQueueOptions {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly consumer: string;
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly ackWaitMs: number;
  /** Called when the server has no such consumer any more. */
  readonly onLost: () => void;
}

/** A batch in flight and one prefetched. */
const BATCHES_HELD = 2;
/** Room for the largest message that the bus takes (10 MiB), its headers included. */
const LARGEST_MESSAGE = 11 * 1024 * 1024;
const PULL_EXPIRES_MS = 60_000;
const HEARTBEAT_MS = 5000;
const CONFIRM_MS = 1000;
const RECOVER_AGAIN_MS = 500;

const CONSUMER_NOT_FOUND = 10014;
const STREAM_NOT_FOUND = 10059;

const ACK = '+ACK';
const NAK = '-NAK';
const WORKING = '+WPI';

/**
 * Opens the queue of a stage's durable consumer. What an earlier connector had been given and did not acknowledge comes
 * first: the consumer is reset to its last acknowledged message, so that nothing is overtaken and nothing waits for
 * the acknowledgement's deadline. (Servers before 2.14 cannot reset: there it waits.)
 *
 * @throws BoxError `unavailable` when the bus does not answer or has no such consumer.
 */
export async function openStageQueue(options: StageQueueOptions): Promise<StageQueue> {
  const suspectUpTo = await recover(options);
  return new PullQueue(options, suspectUpTo);
}

async function recover({ manager, consumer }: StageQueueOptions): Promise<number> {
  try {
    const info = await manager.consumers.info(STREAM, consumer);
    if (info.num_ack_pending > 0) await resetWhereKnown(manager, consumer);
    return (await manager.streams.info(STREAM)).state.last_seq;
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot open queue ${consumer}: ${errorText(cause)}`, { cause });
  }
}

/** Whether the server has no such consumer any more: it has come back without its data. */
function isConsumerGone(error: unknown): boolean {
  const cause = error instanceof BoxError ? error.cause : undefined;
  return cause instanceof JetStreamApiError && (cause.code === CONSUMER_NOT_FOUND || cause.code === STREAM_NOT_FOUND);
}

async function resetWhereKnown(manager: JetStreamManager, consumer: string): Promise<void> {
  try {
    await manager.consumers.reset(STREAM, consumer);
  } catch (error) {
    // Servers of 2.12 and 2.13 do not listen on the request: the messages come again after their deadline.
    if (error instanceof JetStreamApiError || error instanceof TimeoutError) throw error;
  }
}

/**
 * A pull loop of our own on the documented wire protocol (`CONSUMER.MSG.NEXT`): at most two batches are held, in messages
 * and in bytes, and one request stands at the server whenever there is room. The client's `consume()` refills as
 * messages arrive, not as they are done with, and limits either messages or bytes.
 */
class PullQueue implements StageQueue {
  suspectUpTo: number;
  suspectSinceMs = Date.now();
  readonly #options: StageQueueOptions;
  #inbox = '';
  readonly #wire: Wire;
  #subscription: Subscription;
  readonly #timers: NodeJS.Timeout[];
  readonly #maxHeld: number;
  readonly #maxHeldBytes: number;
  /** Everything that the server counts as handed out to us, waiting or taken, by sequence. */
  readonly #held = new Map<number, JetStreamStageMessage>();
  #heldBytes = 0;
  #waiting: JetStreamStageMessage[] = [];
  /** Reply subjects of messages that were acknowledged, not yet confirmed to have reached the server. */
  #acked: string[] = [];
  readonly #unconfirmed = new Set<string[]>();
  #confirmed: string[][] = [];
  #wake: (() => void) | undefined;
  #pullId = 0;
  /** What the standing request may still bring. */
  #requested = 0;
  #heardMs = Date.now();
  #highest = 0;
  /** From the loss of the connection until the consumer is where it was. */
  #isAway = false;
  #connections = 0;
  #closed = false;

  constructor(options: StageQueueOptions, suspectUpTo: number) {
    this.#options = options;
    this.#wire = openWire(options.connection);
    this.suspectUpTo = suspectUpTo;
    this.#maxHeld = BATCHES_HELD * options.maxBatchEvents;
    this.#maxHeldBytes = Math.max(BATCHES_HELD * options.maxBatchBytes, 2 * LARGEST_MESSAGE);
    this.#subscription = this.#subscribe();
    this.#timers = [
      setInterval(() => this.#touch(), options.ackWaitMs / 3),
      setInterval(() => this.#watch(), HEARTBEAT_MS),
      setInterval(() => this.#confirmAcks(), CONFIRM_MS),
    ];
    void this.#followConnection();
    this.#pull();
  }

  async next(signal: AbortSignal): Promise<StageMessage[] | undefined> {
    while (this.#waiting.length === 0) {
      if (signal.aborted || this.#closed) return undefined;
      await this.#somethingWaits(signal);
    }
    return signal.aborted ? undefined : this.#take();
  }

  putBack(messages: readonly StageMessage[]): void {
    const known = messages.flatMap(({ seq }) => this.#held.get(seq) ?? []);
    this.#waiting.unshift(...known);
    this.#wake?.();
  }

  ack(messages: readonly StageMessage[]): void {
    for (const { seq } of messages) {
      const held = this.#held.get(seq);
      if (held === undefined) continue;
      this.#wire.addPlain(held.reply, ACK);
      this.#acked.push(held.reply);
      this.#held.delete(seq);
      this.#heldBytes -= held.size;
    }
    this.#send();
    this.#pull();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#subscription.unsubscribe();
    for (const message of this.#held.values()) this.#wire.addPlain(message.reply, NAK);
    this.#send();
    this.#held.clear();
    this.#waiting = [];
    this.#wake?.();
  }

  /** To an inbox of its own each time: nobody sends there but for what is asked from then on. */
  #subscribe(): Subscription {
    this.#inbox = createInbox(INBOX_PREFIX);
    return this.#options.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
      },
    });
  }

  #somethingWaits(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        // Two messages of one read wake twice: by the second time the next batch may be waited for already.
        if (this.#wake === wake) this.#wake = undefined;
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      // What arrived in the same read of the socket belongs to the same batch.
      const wake = () => setImmediate(done);
      this.#wake = wake;
    });
  }

  #take(): JetStreamStageMessage[] {
    const { maxBatchEvents, maxBatchBytes } = this.#options;
    let count = 0;
    let bytes = 0;
    for (const message of this.#waiting) {
      if (count > 0 && (count >= maxBatchEvents || bytes + message.size > maxBatchBytes)) break;
      bytes += message.size;
      count++;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }

  #receive(message: Msg): void {
    this.#heardMs = Date.now();
    if (message.subject.startsWith(this.#inbox)) this.#receiveStatus(message);
    else if (message.reply !== undefined) this.#receiveMessage(message, message.reply);
  }

  #receiveMessage(message: Msg, reply: string): void {
    if (this.#requested > 0) this.#requested--;
    const held = new JetStreamStageMessage(message, reply);
    // One that is held already was handed out again because its deadline passed: it is being worked on.
    if (!this.#held.has(held.seq)) {
      this.#held.set(held.seq, held);
      this.#heldBytes += held.size;
      this.#waiting.push(held);
      if (held.seq > this.#highest) this.#highest = held.seq;
      this.#wake?.();
    }
    if (this.#requested === 0) this.#pull();
  }

  #receiveStatus(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === 100) return;
    // The end of a request: its time or its bytes are used up, or there is no such consumer (any more).
    if (message.subject === `${this.#inbox}.${this.#pullId}`) this.#requested = 0;
    const description = message.headers?.description ?? '';
    if (code === 503 || code === 404 || /consumer deleted/i.test(description)) {
      // A consumer that is made anew begins anew: most of what it hands out was processed.
      this.#suspectAll();
      this.#options.onLost();
      return;
    }
    if (code === 409 && /shutdown|leadership|exceeded max/i.test(description)) return;
    this.#pull();
  }

  #pull(): void {
    if (this.#closed || this.#isAway || this.#requested > 0) return;
    const batch = this.#maxHeld - this.#held.size;
    const maxBytes = this.#maxHeldBytes - this.#heldBytes;
    if (batch <= 0 || maxBytes < LARGEST_MESSAGE) return;
    this.#requested = batch;
    this.#pullId++;
    const request = {
      batch,
      max_bytes: maxBytes,
      expires: nanos(PULL_EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${this.#options.consumer}`;
    const reply = `${this.#inbox}.${this.#pullId}`;
    if (!this.#options.connection.isClosed()) {
      this.#options.connection.publish(subject, JSON.stringify(request), { reply });
    }
  }

  /** Tells the server that what is held is being worked on. */
  #touch(): void {
    for (const message of this.#held.values()) this.#wire.addPlain(message.reply, WORKING);
    this.#send();
  }

  /** A request that the server does not know of (any more) sends no heartbeats: ask again. */
  #watch(): void {
    if (this.#requested > 0 && Date.now() - this.#heardMs > 3 * HEARTBEAT_MS) this.#pullAgain();
    else this.#pull();
  }

  #pullAgain(): void {
    this.#heardMs = Date.now();
    this.#requested = 0;
    this.#pull();
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#options.connection.status()) {
      if (this.#closed) return;
      if (type === 'disconnect') this.#leave();
      else if (type === 'reconnect') void this.#return();
    }
  }

  /** Nothing is to come by an earlier request: it would overtake what was on its way when the connection was lost. */
  #leave(): void {
    this.#isAway = true;
    this.#connections++;
    this.#requested = 0;
    this.#subscription.unsubscribe();
  }

  /** Gets again, in its place, what was on its way. What is held comes again, too, and is passed over. */
  async #return(): Promise<void> {
    const connection = ++this.#connections;
    this.#suspectAll();
    this.#ackAgain();
    const isOver = () => this.#closed || connection !== this.#connections;
    while (!(await this.#isRecovered()) && !isOver()) await delay(RECOVER_AGAIN_MS);
    if (isOver()) return;
    this.#isAway = false;
    this.#subscription = this.#subscribe();
    this.#pullAgain();
  }

  async #isRecovered(): Promise<boolean> {
    try {
      await recover(this.#options);
      return true;
    } catch (error) {
      if (!this.#closed && isConsumerGone(error)) this.#options.onLost();
      return false;
    }
  }

  #suspectAll(): void {
    this.suspectUpTo = Math.max(this.suspectUpTo, this.#highest);
    this.suspectSinceMs = Date.now();
  }

  #send(): void {
    if (!this.#options.connection.isClosed()) this.#wire.flush();
  }

  /**
   * Forgets acknowledgements a moment after the server has them: after a lost connection the others are sent again. (A moment,
   * because a server that is killed forgets what it did not write to disk yet.)
   */
  #confirmAcks(): void {
    if (this.#acked.length === 0 || this.#options.connection.isClosed()) return;
    const acked = this.#acked;
    this.#acked = [];
    this.#unconfirmed.add(acked);
    this.#options.connection.flush().then(
      () => {
        this.#unconfirmed.delete(acked);
        this.#confirmed = [...this.#confirmed.slice(-1), acked];
      },
      // The connection was lost meanwhile: they are sent again when it is back.
      () => undefined,
    );
  }

  #ackAgain(): void {
    this.#acked = [...this.#confirmed, ...this.#unconfirmed, this.#acked].flat();
    this.#confirmed = [];
    this.#unconfirmed.clear();
    for (const reply of this.#acked) this.#wire.addPlain(reply, ACK);
    this.#send();
  }
}
