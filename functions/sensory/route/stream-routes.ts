import { Readable } from 'node:stream';
import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest, FunctionResponse, Route } from '#lib/function/route.ts';
import { parseJson, queryInteger, queryText } from '#lib/function/route.ts';
import { type Cursor, readCursor, writeCursor } from '../feed/cursor.ts';
import { readFeedSpec } from '../feed/spec.ts';
import { type StreamParts, streamFrames } from '../feed/stream.ts';
import type { Fields } from '../fields.ts';
import { STREAM_TYPE } from '../format/frames.ts';
import { parseDatasetFolder } from '../names.ts';
import { readVersion } from '../version.ts';
import { defaultDataset, type SensoryParts } from './old-routes.ts';

const DEFAULT_BATCH = 256;
const MAX_BATCH = 65_536;
/** One batch is sent while the next is made, for each stream. */
const MAX_BATCH_BYTES = 32 * 1024 * 1024;
const MAX_BATCHES = 1_000_000;
const MAX_WORKERS = 10_000;

/** Batches as one binary stream that a trainer leaves and takes up again at any sample. */
export function streamRoutes(parts: SensoryParts, stream: StreamParts): Route[] {
  return [{ method: 'GET', path: '/api/sensory/stream', handle: (request) => send(parts, stream, request) }];
}

async function send(parts: SensoryParts, stream: StreamParts, request: FunctionRequest): Promise<FunctionResponse> {
  const cursorText = queryText(request, 'cursor');
  const from = cursorText === undefined ? await begin(parts, request) : readCursor(cursorText);
  const catalogue = await parts.datasets.open(parseDatasetFolder(from.dataset));
  const snapshot = await stateOf(catalogue, from.seq);
  const { width, height } = catalogue.dataset;
  const most = Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_BATCH_BYTES / (width * height))));
  const batchSize = queryInteger(request, 'batch_size', 1, most) ?? Math.min(DEFAULT_BATCH, most);
  const epoch = stream.epochOf(snapshot, from.dataset, from.spec, from.epoch);
  if (epoch.order.length === 0) {
    throw new BoxError('unprocessable', `Cannot stream: split ${from.spec.split} of ${from.dataset} is empty`);
  }
  const frames = streamFrames(stream, {
    catalogue,
    snapshot,
    from,
    batchSize,
    batches: queryInteger(request, 'batches', 1, MAX_BATCHES) ?? MAX_BATCHES,
    endEpoch: from.epoch + (queryInteger(request, 'epochs', 1, MAX_BATCHES) ?? 1),
  });
  return {
    status: 200,
    headers: { 'content-type': STREAM_TYPE, 'box-cursor': writeCursor(from) },
    body: Readable.from(frames, { objectMode: false, highWaterMark: 1024 * 1024 }),
  };
}

/** The first cursor of a feed: of the dataset as it is now, which is kept for as long as trainers may come back. */
async function begin({ config, datasets, store }: SensoryParts, request: FunctionRequest): Promise<Cursor> {
  const folder = queryText(request, 'dataset');
  const dataset = folder === undefined ? defaultDataset(config) : parseDatasetFolder(folder);
  const catalogue = await datasets.open(dataset);
  const workers = queryInteger(request, 'workers', 1, MAX_WORKERS) ?? 1;
  const version = queryText(request, 'version');
  const seq =
    version === undefined
      ? queryInteger(request, 'snapshot', 0, Number.MAX_SAFE_INTEGER)
      : (await readVersion(store, catalogue.places, version)).manifest.seq;
  const snapshot = seq === undefined ? await catalogue.snapshot() : await stateOf(catalogue, seq);
  await catalogue.pin(snapshot);
  return {
    dataset: catalogue.places.folder,
    seq: snapshot.seq,
    spec: readFeedSpec(specFields(request)),
    epoch: queryInteger(request, 'epoch', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    position: 0,
    worker: queryInteger(request, 'worker', 0, workers - 1) ?? 0,
    workers,
  };
}

async function stateOf(catalogue: Awaited<ReturnType<SensoryParts['datasets']['open']>>, seq: number) {
  try {
    return await catalogue.at(seq);
  } catch (error) {
    if (!(error instanceof BoxError && error.code === 'not_found')) throw error;
    throw new BoxError(
      'not_found',
      `Cannot stream state ${seq} of ${catalogue.places.folder}: it is kept no longer; begin without cursor`,
      { cause: error },
    );
  }
}

/** What of the query describes the feed; `ratios`, `balance` and `augment` are JSON. */
function specFields(request: FunctionRequest): Fields {
  const fields: Record<string, unknown> = {};
  for (const name of ['split', 'seed']) {
    const value = queryText(request, name);
    if (value !== undefined) fields[name] = value;
  }
  for (const name of ['ratios', 'balance', 'augment', 'noise', 'mix']) {
    const value = queryText(request, name);
    if (value !== undefined) fields[name] = parseJson(Buffer.from(value));
  }
  return fields;
}
