import type { BoxError } from '#lib/error/box-error.ts';
import { VERDICT } from '#lib/error/verdict.ts';
import { type Order, type ShardFailure, withShard } from './order.ts';
import type { OrderStore } from './order-store.ts';

/** Keeps with the order why a shard failed, for those who wait for it. Another processor's shard is not ours to judge. */
export async function recordFailure(orders: OrderStore, orderId: string, shard: number, error: BoxError) {
  if (error.code === 'conflict') return;
  const failure = { message: error.message, at: new Date().toISOString(), final: VERDICT[error.code] === 'dead' };
  await orders.update(orderId, (order) => failed(order, shard, () => failure));
}

/** Keeps with the order that nobody tries a shard again. */
export async function recordGivenUp(orders: OrderStore, orderId: string, shard: number): Promise<void> {
  // An order that is forgotten has nobody who waits for it.
  if ((await orders.get(orderId)) === undefined) return;
  const message = `Cannot process shard ${shard}: its task was given up`;
  await orders.update(orderId, (order) =>
    failed(order, shard, (known) => ({ message, at: new Date().toISOString(), ...known, final: true })),
  );
}

function failed(order: Order, shard: number, failure: (known: ShardFailure | undefined) => ShardFailure): Order {
  const state = order.shards[shard];
  if (state === undefined || state.published === state.size) return order;
  return withShard(order, shard, () => ({ ...state, failure: failure(state.failure) }));
}
