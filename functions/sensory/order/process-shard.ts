import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { type Draw, drawBatch, drawOrder } from '../draw/batch.ts';
import { seedOf } from '../draw/random.ts';
import { oneHotLabels, sampleJson } from '../format/sample-json.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import { type FileOrder, type Order, type ShardState, withoutFailure, withShard } from './order.ts';
import type { OrderQueue, ResultMessage, ResultPublisher } from './order-queue.ts';
import type { OrderStore } from './order-store.ts';
import { recordFailure } from './shard-failure.ts';

export interface ShardParts {
  readonly orders: OrderStore;
  readonly queue: OrderQueue;
  readonly source: PixelSource;
  readonly catalogueOf: (folder: string) => Promise<Catalogue>;
  readonly published: (samples: number) => void;
  readonly log: Log;
  /** Does a shard of an order into files. */
  readonly writeFile: (order: Order, files: FileOrder, shard: number) => Promise<void>;
}

/**
 * Samples between two records in the order's document. A processor that ends loses no more than these, and a trainer
 * that reads the queue itself may get no more than these twice.
 */
const CHUNK = 500;
/** Pixels of a chunk: as JSON they are four times as much, and so once more on their way to RabbitMQ. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** Processes shards of orders. */
export function openShardProcessor(parts: ShardParts): (orderId: string, shard: number) => Promise<void> {
  const draws = new LRUCache<string, Promise<Prepared>>({ max: 4 });

  function prepared(order: Order): Promise<Prepared> {
    const known = draws.get(order.id);
    if (known) return known;
    const made = prepare(parts, order);
    draws.set(order.id, made);
    made.catch(() => draws.delete(order.id));
    return made;
  }

  /**
   * Puts what is left of a shard on the order's queue. Done again after any end, it goes on where the record stands.
   *
   * @throws BoxError `not_found` for an unknown order, `unavailable` when a server is away, `conflict` when another
   * processor took the shard over.
   */
  async function work(orderId: string, shard: number): Promise<void> {
    const order = await parts.orders.update(orderId, (current) => beginTry(current, shard));
    const state = shardOf(order, shard);
    if (order.files !== undefined) return parts.writeFile(order, order.files, shard);
    if (order.ended !== undefined || state.published === state.size) return;
    try {
      if (state.tries.length > 1) await dropStale(parts.queue, orderId, shard, state);
      const draw = await prepared(order);
      const publisher = await parts.queue.openPublisher(orderId);
      try {
        await publishRest(parts, publisher, order, shard, draw);
      } finally {
        await publisher.close();
      }
    } catch (error) {
      if (!(error instanceof BoxError && error.code === 'not_found' && !(await isWanted(parts, orderId)))) throw error;
    }
  }

  return async (orderId, shard) => {
    try {
      await work(orderId, shard);
    } catch (error) {
      await recordFailure(parts.orders, orderId, shard, BoxError.from(error)).catch((cause: unknown) => {
        // The task's own error is told; what could not be recorded is found again at the next try.
        parts.log.warn({ err: cause, order: orderId, shard }, 'Cannot record why a shard failed');
      });
      throw error;
    }
  };
}

interface Prepared {
  readonly draw: Draw;
  readonly order: Uint32Array;
  readonly labels: readonly string[];
  readonly categories: ReadonlyMap<string, number>;
}

async function prepare({ catalogueOf }: ShardParts, order: Order): Promise<Prepared> {
  const catalogue = await catalogueOf(order.dataset);
  const snapshot: Snapshot = await catalogue.at(order.seq);
  const draw = { catalogue, snapshot, seed: seedOf(order.id), size: order.size, noise: order.noise };
  const categories = snapshot.categories();
  return { draw, order: drawOrder(draw), labels: oneHotLabels(categories.size), categories };
}

function shardOf(order: Order, shard: number): ShardState {
  const state = order.shards[shard];
  if (state) return state;
  throw new BoxError('not_found', `Cannot process shard ${shard} of order ${order.id}: it has ${order.shards.length}`);
}

function beginTry(order: Order, shard: number): Order {
  const state = shardOf(order, shard);
  if (order.files !== undefined || order.ended !== undefined || state.published === state.size) return order;
  return withShard(order, shard, () => ({ ...state, tries: [...state.tries, state.published] }));
}

/** Takes what earlier tries published without a record off the queue, as far as no trainer has read it. */
async function dropStale(queue: OrderQueue, orderId: string, shard: number, state: ShardState): Promise<void> {
  const attempt = state.tries.length;
  await queue.drop(
    orderId,
    (origin) => origin.shard === shard && origin.attempt < attempt && origin.place >= state.published,
  );
}

async function publishRest(
  parts: ShardParts,
  publisher: ResultPublisher,
  order: Order,
  shard: number,
  prepared: Prepared,
): Promise<void> {
  const { from, size, published, tries } = shardOf(order, shard);
  const attempt = tries.length;
  const { width, height } = prepared.draw.catalogue.dataset;
  const most = Math.max(1, Math.min(CHUNK, Math.floor(CHUNK_BYTES / (width * height))));
  for (let place = published; place < size; place += most) {
    const count = Math.min(most, size - place);
    await publisher.publish(await messages(parts.source, prepared, { from, place, count, shard, attempt }));
    const recorded = await parts.orders.update(order.id, (current) => {
      const state = shardOf(current, shard);
      if (state.tries.length !== attempt) {
        throw new BoxError('conflict', `Cannot go on with shard ${shard} of order ${order.id}: another processor does`);
      }
      return withShard(current, shard, () => ({ ...withoutFailure(state), published: place + count }));
    });
    parts.published(count);
    if (recorded.ended !== undefined) return;
  }
}

async function messages(
  source: PixelSource,
  { draw, order, labels, categories }: Prepared,
  at: { from: number; place: number; count: number; shard: number; attempt: number },
): Promise<ResultMessage[]> {
  const { samples, pixels } = await drawBatch(source, draw, order, at.from + at.place, at.count);
  const size = pixels.length / samples.length;
  return samples.map(({ category }, i) => ({
    body: sampleJson(labels[categories.get(category) ?? -1] ?? '[]', pixels.subarray(i * size, (i + 1) * size)),
    origin: { shard: at.shard, place: at.place + i, attempt: at.attempt },
  }));
}

/** Whether the order's queue is still there. If not, nobody has read it for half an hour: the order ends. */
async function isWanted({ queue, orders }: ShardParts, orderId: string): Promise<boolean> {
  try {
    (await queue.take(orderId))?.giveBack();
    return true;
  } catch (error) {
    if (!(error instanceof BoxError && error.code === 'not_found')) throw error;
    await orders.update(orderId, (order) => (order.ended ? order : { ...order, ended: 'expired' }));
    return false;
  }
}
