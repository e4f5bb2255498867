import { randomUUID } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { labelsOf } from '../catalogue/placed.ts';
import type { Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { closeGaps, numbersOf, type Run, readRun, without } from '../feed/feed.ts';
import type { FeedSpec } from '../feed/spec.ts';
import type { StreamParts } from '../feed/stream.ts';
import { FILE_OF, fileName, type OrderFormat } from '../format/order-file.ts';
import type { FreshFiles } from '../fresh-files.ts';
import { datasetFolder } from '../names.ts';
import { type FileOrder, type Order, type ShardState, splitOrder, withoutFailure, withShard } from './order.ts';
import type { OrderQueue } from './order-queue.ts';
import type { OrderStore } from './order-store.ts';

/** A file is made in memory: it stays below this. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** What a format adds to a sample's pixels at most: tar's four blocks, or a path. */
const SAMPLE_BYTES = 2048;
/** Files stand in one document, which is written each time that some are done. */
const MAX_FILES = 10_000;

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

/**
 * Takes an order into files; its tasks go the way of the old batch orders.
 *
 * @throws BoxError `invalid_argument` when it would be too many files.
 */
export async function placeFileOrder(orders: OrderStore, queue: OrderQueue, request: FileOrderRequest): Promise<Order> {
  const { catalogue, snapshot, spec, format, size, epochSize } = request;
  const { width, height } = catalogue.dataset;
  const most = Math.max(1, Math.floor(MAX_FILE_BYTES / (width * height + SAMPLE_BYTES)));
  const fileSamples = Math.min(most, request.fileSamples);
  if (size > fileSamples * MAX_FILES) {
    throw new BoxError(
      'invalid_argument',
      `Cannot take an order: it may have ${MAX_FILES} files at most, which are ${fileSamples * MAX_FILES} samples, got ${size}`,
    );
  }
  const order: Order = {
    id: randomUUID(),
    dataset: datasetFolder(catalogue.dataset),
    seq: snapshot.seq,
    size,
    noise: 0,
    shards: splitOrder(size, fileSamples),
    createdAt: new Date().toISOString(),
    files: { format, spec, epochSize },
  };
  // Both are kept before anybody can work on it; neither needs the other.
  await Promise.all([catalogue.pin(snapshot), orders.create(order)]);
  await queue.submit(order.shards.map((state, shard) => ({ orderId: order.id, shard, size: state.size, noise: 0 })));
  return order;
}

/** Where an order's files lie. */
export function orderPrefix({ dataset, id }: Order): string {
  return `${dataset}/box/order/${id}/`;
}

export interface FileWriterParts extends StreamParts {
  readonly store: BlobStore;
  readonly freshFiles: FreshFiles;
  readonly orders: OrderStore;
  readonly catalogueOf: (folder: string) => Promise<Catalogue>;
}

/** Paths of samples left out that are told of. */
const MAX_LEFT_OUT_TOLD = 20;

/** Makes files of orders. The same shard makes the same bytes, so a file that is written twice is written once. */
export function openFileWriter(
  parts: FileWriterParts,
): (order: Order, files: FileOrder, shard: number) => Promise<void> {
  return async (order, files, shard) => {
    const state = order.shards[shard] as ShardState;
    if (order.ended !== undefined || state.published === state.size) return;
    const catalogue = await parts.catalogueOf(order.dataset);
    const snapshot = await catalogue.at(order.seq);
    const { bytes, bad } = await makeFile(parts, catalogue, snapshot, files, state);
    const { format } = files;
    const key = orderPrefix(order) + fileName(format, shard);
    await parts.store.put(key, bytes, { contentType: FILE_OF[format].type });
    parts.freshFiles.keep(key, bytes);
    const recorded = await parts.orders.update(order.id, (current) =>
      withShard(current, shard, (before) => ({
        ...withoutFailure(before),
        published: before.size,
        bytes: bytes.length,
        doneAt: new Date().toISOString(),
        ...(bad.length > 0 && { leftOut: { count: bad.length, first: bad.slice(0, MAX_LEFT_OUT_TOLD) } }),
      })),
    );
    parts.streamed(state.size - bad.length);
    if (recorded.ended !== undefined) await removeFiles(parts.store, order);
  };
}

interface MadeFile {
  readonly bytes: Buffer;
  /** Paths of samples that are broken or gone. */
  readonly bad: readonly string[];
}

async function makeFile(
  parts: FileWriterParts,
  catalogue: Catalogue,
  snapshot: Snapshot,
  files: FileOrder,
  state: ShardState,
): Promise<MadeFile> {
  const { dataset } = catalogue;
  const size = dataset.width * dataset.height;
  const categories = [...snapshot.categories().keys()];
  const runs = runsOf(parts, catalogue, snapshot, files, state);
  const split = (runs[0] as Run).epoch.split;
  const numbers = new Uint32Array(state.size);
  const positions = new Float64Array(state.size).map((_, i) => state.from + i);
  let at = 0;
  for (const run of runs) {
    numbers.set(numbersOf(run), at);
    at += run.count;
  }
  const layOut = (some: Uint32Array, places: Float64Array) =>
    FILE_OF[files.format].layOut({
      dataset,
      categories,
      labels: labelsOf(split, some),
      path: (place) => (split.samples[some[place] as number] as Sample).path,
      positions: places,
    });
  const file = layOut(numbers, positions);
  const bad: number[] = [];
  at = 0;
  for (const run of runs) {
    const out = file.pixels.subarray(at * size, (at + run.count) * size);
    for (const place of await readRun(parts.source, catalogue, files.spec, run, out)) bad.push(at + place);
    at += run.count;
  }
  if (bad.length === 0) return { bytes: await file.finish(), bad: [] };
  closeGaps(file.pixels, size, bad);
  const smaller = layOut(without(numbers, bad), without(positions, bad));
  file.pixels.copy(smaller.pixels);
  const paths = bad.map((place) => (split.samples[numbers[place] as number] as Sample).path);
  return { bytes: await smaller.finish(), bad: paths };
}

/** The positions of a shard, epoch by epoch. */
function runsOf(
  { epochOf }: FileWriterParts,
  catalogue: Catalogue,
  snapshot: Snapshot,
  { spec, epochSize }: FileOrder,
  { from, size }: ShardState,
): Run[] {
  const runs: Run[] = [];
  for (let at = from; at < from + size; ) {
    const number = Math.floor(at / epochSize);
    const first = at - number * epochSize;
    const count = Math.min(from + size - at, epochSize - first);
    const epoch = epochOf(snapshot, datasetFolder(catalogue.dataset), spec, number);
    runs.push({ epoch, first, step: 1, count });
    at += count;
  }
  return runs;
}

/** Removes the files of an order that nobody wants any more. */
export async function removeFiles(store: BlobStore, order: Order): Promise<void> {
  if (order.files === undefined) return;
  const keys: string[] = [];
  for await (const { key } of store.list(orderPrefix(order))) keys.push(key);
  await store.delete(keys);
}
