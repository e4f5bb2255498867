import type { MessageOrigin } from './order.ts';

/** What a processor is asked for: the older service's task message, and which shard of the order it is. */
export interface Task {
  readonly orderId: string;
  readonly shard: number;
  readonly size: number;
  readonly noise: number;
}

/** A sample on its way to a trainer. */
export interface ResultMessage {
  readonly body: Buffer;
  readonly origin: MessageOrigin;
}

/** A message taken from a result queue. Exactly one of `accept` and `giveBack` is called. */
export interface TakenMessage extends ResultMessage {
  /** Acknowledges it; the acknowledgement leaves this process right after what is answered in the same turn. */
  accept(): void;
  /** Puts it back where it was. */
  giveBack(): void;
}

/** The way of tasks to processors and of samples to trainers. Every method throws BoxError `unavailable` without a broker. */
export interface OrderQueue {
  /** Makes exchange and task queue, or finds that they are there. */
  prepare(): Promise<void>;
  /** Makes the order's result queue. */
  openResults(orderId: string): Promise<void>;
  /** Resolves once every task is kept durably. */
  submit(tasks: readonly Task[]): Promise<void>;
  /** A way to one order's result queue. */
  openPublisher(orderId: string): Promise<ResultPublisher>;
  /**
   * The next message of an order; undefined when there is none.
   *
   * @throws BoxError `not_found` when the queue is no more.
   */
  take(orderId: string): Promise<TakenMessage | undefined>;
  /** Removes messages from an order's queue, leaving the others in their order. */
  drop(orderId: string, isUnwanted: (origin: MessageOrigin) => boolean): Promise<number>;
  /** Removes an order's queue with all that is in it. */
  removeResults(orderId: string): Promise<void>;
  close(): Promise<void>;
}

export interface ResultPublisher {
  /**
   * Resolves once every message is kept durably.
   *
   * @throws BoxError `not_found` when the queue is no more.
   */
  publish(messages: readonly ResultMessage[]): Promise<void>;
  close(): Promise<void>;
}
