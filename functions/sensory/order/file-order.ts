import { randomUUID } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { readPositions } from '../feed/feed.ts';
import type { FeedSpec } from '../feed/spec.ts';
import type { StreamParts } from '../feed/stream.ts';
import { FILE_OF, fileName, type OrderFormat, orderFile } from '../format/order-file.ts';
import { datasetFolder } from '../names.ts';
import { type FileOrder, type Order, type ShardState, splitOrder } from './order.ts';
import type { OrderQueue } from './order-queue.ts';
import type { OrderStore } from './order-store.ts';

/** A file is made in memory: its pixels stay below this. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

export interface FileOrderRequest {
  readonly catalogue: Catalogue;
  readonly snapshot: Snapshot;
  readonly spec: FeedSpec;
  readonly format: OrderFormat;
  readonly size: number;
  readonly epochSize: number;
  /** Samples of a file, when the caller says so. */
  readonly fileSamples: number;
}

/** Takes an order into files; its tasks go the way of the old batch orders. */
export async function placeFileOrder(orders: OrderStore, queue: OrderQueue, request: FileOrderRequest): Promise<Order> {
  const { catalogue, snapshot, spec, format, size, epochSize } = request;
  const { width, height } = catalogue.dataset;
  const most = Math.max(1, Math.floor(MAX_FILE_BYTES / (width * height)));
  await catalogue.pin(snapshot);
  const order: Order = {
    id: randomUUID(),
    dataset: datasetFolder(catalogue.dataset),
    seq: snapshot.seq,
    size,
    noise: 0,
    shards: splitOrder(size, Math.min(most, request.fileSamples)),
    createdAt: new Date().toISOString(),
    files: { format, spec, epochSize },
  };
  await orders.create(order);
  await queue.submit(order.shards.map((state, shard) => ({ orderId: order.id, shard, size: state.size, noise: 0 })));
  return order;
}

/** Where an order's files lie. */
export function orderPrefix({ dataset, id }: Order): string {
  return `${dataset}/box/order/${id}/`;
}

export interface FileWriterParts extends StreamParts {
  readonly store: BlobStore;
  readonly orders: OrderStore;
  readonly catalogueOf: (folder: string) => Promise<Catalogue>;
}

/** Makes files of orders. The same shard makes the same bytes, so a file that is written twice is written once. */
export function openFileWriter(
  parts: FileWriterParts,
): (order: Order, files: FileOrder, shard: number) => Promise<void> {
  return async (order, files, shard) => {
    const state = order.shards[shard] as ShardState;
    if (order.ended !== undefined || state.published === state.size) return;
    const catalogue = await parts.catalogueOf(order.dataset);
    const snapshot = await catalogue.at(order.seq);
    const bytes = await makeFile(parts, catalogue, snapshot, files, state);
    const { format } = files;
    await parts.store.put(orderPrefix(order) + fileName(format, shard), bytes, { contentType: FILE_OF[format].type });
    const recorded = await parts.orders.update(order.id, (current) => ({
      ...current,
      shards: current.shards.map((other, i) =>
        i === shard
          ? { ...other, published: other.size, bytes: bytes.length, doneAt: new Date().toISOString() }
          : other,
      ),
    }));
    parts.streamed(state.size);
    if (recorded.ended !== undefined) await removeFiles(parts.store, order);
  };
}

async function makeFile(
  parts: FileWriterParts,
  catalogue: Catalogue,
  snapshot: Snapshot,
  { format, spec, epochSize }: FileOrder,
  { from, size }: ShardState,
): Promise<Buffer> {
  const batches = [];
  for (let at = from; at < from + size; ) {
    const number = Math.floor(at / epochSize);
    const epoch = parts.epochOf(snapshot, datasetFolder(catalogue.dataset), spec, number);
    const first = at - number * epochSize;
    const count = Math.min(from + size - at, epochSize - first);
    const positions = Array.from({ length: count }, (_, i) => first + i);
    batches.push(await readPositions(parts.source, catalogue, snapshot, epoch, spec, positions));
    at += count;
  }
  const all = {
    samples: batches.flatMap(({ samples }) => samples),
    pixels: Buffer.concat(batches.map(({ pixels }) => pixels)),
  };
  if (all.samples.length < size) {
    throw new BoxError(
      'unprocessable',
      `Cannot write the file: ${size - all.samples.length} of its samples are broken or gone; order anew`,
    );
  }
  return orderFile(format, catalogue.dataset, snapshot, all, from);
}

/** Removes the files of an order that nobody wants any more. */
export async function removeFiles(store: BlobStore, order: Order): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(orderPrefix(order))) keys.push(key);
  await store.delete(keys);
}
