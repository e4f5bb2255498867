import type { FeedSpec } from '../feed/spec.ts';
import type { OrderFormat } from '../format/order-file.ts';

/** An order of samples, onto a queue of RabbitMQ or into files, as its document in CouchDB has it. */
export interface Order {
  readonly id: string;
  /** The dataset's folder, and the state of it that is drawn from. */
  readonly dataset: string;
  readonly seq: number;
  readonly size: number;
  readonly noise: number;
  readonly shards: readonly ShardState[];
  readonly createdAt: string;
  /** What files are made of and in which form; without it samples go to the order's queue. */
  readonly files?: FileOrder;
  /** Set once nobody wants it any more: its queue was unused for half an hour, or it was cancelled. */
  readonly ended?: 'expired' | 'cancelled';
}

export interface FileOrder {
  readonly format: OrderFormat;
  readonly spec: FeedSpec;
  /** Samples of one epoch: the order goes through so many epochs as it takes. */
  readonly epochSize: number;
}

/** One task of an order: `size` positions from `from` on. */
export interface ShardState {
  readonly from: number;
  readonly size: number;
  /** How many of its samples are on the queue for sure: confirmed by RabbitMQ, then recorded here. */
  readonly published: number;
  /**
   * What `published` was when each try began. What an earlier try published beyond the begin of the next was never
   * recorded; it is published again, and the first copy counts for nothing.
   */
  readonly tries: readonly number[];
  /** The length of its file, once it is written. */
  readonly bytes?: number;
  readonly doneAt?: string;
  /** Samples that its file lacks, because they are broken or gone. */
  readonly leftOut?: LeftOut;
  /** What went wrong when it was tried last; a try that succeeds takes it away. */
  readonly failure?: ShardFailure;
}

export interface LeftOut {
  readonly count: number;
  /** Paths of the first of them. */
  readonly first: readonly string[];
}

export interface ShardFailure {
  readonly message: string;
  readonly at: string;
  /** Nobody tries again: the order cannot complete. */
  readonly final: boolean;
}

/** The shard without what went wrong before. */
export function withoutFailure({ failure, ...rest }: ShardState): ShardState {
  return rest;
}

/** The order with one of its shards as `edit` makes it. */
export function withShard(order: Order, shard: number, edit: (state: ShardState) => ShardState): Order {
  return { ...order, shards: order.shards.map((state, i) => (i === shard ? edit(state) : state)) };
}

/** Splits an order into shards of that size, the last one with what is left. */
export function splitOrder(size: number, shardSize: number): ShardState[] {
  return Array.from({ length: Math.ceil(size / shardSize) }, (_, i) => {
    const from = i * shardSize;
    return { from, size: Math.min(shardSize, size - from), published: 0, tries: [] };
  });
}

/** What says where a message on a result queue comes from. */
export interface MessageOrigin {
  readonly shard: number;
  /** Its place in the shard, from 0. */
  readonly place: number;
  /** Which try published it, from 1. */
  readonly attempt: number;
}

/**
 * Whether a message counts: `yes`; `not-yet` while its publication is not recorded (the record may come, or another
 * try); `never` when another try publishes, or published, its sample again.
 */
export function counts(order: Order, { shard, place, attempt }: MessageOrigin): 'yes' | 'not-yet' | 'never' {
  const state = order.shards[shard];
  if (state === undefined) return 'never';
  const next = state.tries[attempt];
  if (next !== undefined && place >= next) return 'never';
  return place < state.published ? 'yes' : 'not-yet';
}

/** Whether every sample is on the queue, or in a file. */
export function isComplete(order: Order): boolean {
  return order.shards.every(isShardDone);
}

/** Why the order can never complete; undefined while it can. */
export function failureOf(order: Order): ShardFailure | undefined {
  return order.shards.find((state) => state.failure?.final && !isShardDone(state))?.failure;
}

/** Whether nothing more will come: every shard is done or given up. */
export function isSettled(order: Order): boolean {
  return order.shards.every((state) => isShardDone(state) || state.failure?.final);
}

function isShardDone({ published, size }: ShardState): boolean {
  return published === size;
}

export type OrderState = 'running' | 'done' | 'failed' | 'cancelled' | 'expired';

export function stateOf(order: Order): OrderState {
  return order.ended ?? (isComplete(order) ? 'done' : failureOf(order) ? 'failed' : 'running');
}
