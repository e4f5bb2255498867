import { randomUUID } from 'node:crypto';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { datasetFolder } from '../names.ts';
import { type Order, splitOrder } from './order.ts';
import type { OrderQueue } from './order-queue.ts';
import type { OrderStore } from './order-store.ts';

export interface OrderParts {
  readonly orders: OrderStore;
  readonly queue: OrderQueue;
  readonly shardSize: number;
}

/**
 * Takes an order. When this resolves its document, its result queue and its tasks are kept durably: nothing that ends
 * from then on can lose it.
 */
export async function placeOrder(
  { orders, queue, shardSize }: OrderParts,
  catalogue: Catalogue,
  size: number,
  noise: number,
): Promise<Order> {
  const snapshot = await catalogue.snapshot();
  const order: Order = {
    id: randomUUID(),
    dataset: datasetFolder(catalogue.dataset),
    seq: snapshot.seq,
    size,
    noise,
    shards: splitOrder(size, shardSize),
    createdAt: new Date().toISOString(),
  };
  // All three are kept before anybody can work on it. Trainers read the queue as soon as they have the order's id.
  await Promise.all([catalogue.pin(snapshot), orders.create(order), queue.openResults(order.id)]);
  await queue.submit(order.shards.map((state, shard) => ({ orderId: order.id, shard, size: state.size, noise })));
  return order;
}
