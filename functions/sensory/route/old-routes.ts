import { randomUUID } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest, FunctionResponse, Route } from '#lib/function/route.ts';
import { parseJson } from '#lib/function/route.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import type { SensoryConfig } from '../config.ts';
import type { Datasets } from '../datasets.ts';
import { drawBatch, drawOrder } from '../draw/batch.ts';
import { seedOf } from '../draw/random.ts';
import { base64Bytes, fieldsOf, probability, refused, wholeNumber } from '../fields.ts';
import { batchJson, oneHotLabels } from '../format/sample-json.ts';
import type { FreshFiles } from '../fresh-files.ts';
import type { SensoryMetrics } from '../metrics.ts';
import { checkName, checkSide, type DatasetName } from '../names.ts';
import type { OrderQueue } from '../order/order-queue.ts';
import type { OrderStore } from '../order/order-store.ts';
import { placeOrder } from '../order/place-order.ts';
import { openPoll } from '../order/poll-order.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import { checkPicture, storeSample } from '../store-sample.ts';
import { oldAccess } from './old-access.ts';

export interface SensoryParts {
  readonly config: SensoryConfig;
  readonly secrets: SecretFiles;
  readonly store: BlobStore;
  readonly datasets: Datasets;
  readonly source: PixelSource;
  readonly orders: OrderStore;
  readonly freshFiles: FreshFiles;
  readonly queue: OrderQueue;
  readonly metrics: SensoryMetrics;
}

export const SENSORY_VERSION = '0.1.0';
/** Pixels of one direct request: as JSON they are four times as much. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The dataset that requests without a name of one mean. */
export function defaultDataset(config: SensoryConfig): DatasetName {
  return { name: config.datasetName, width: config.datasetWidth, height: config.datasetHeight };
}

/** The older service's routes, to the letter: trainers and cameras that know no other call them. */
export function oldRoutes(parts: SensoryParts): Route[] {
  const { config } = parts;
  const access = oldAccess(parts.secrets, config.apiVersion);
  const poll = openPoll(parts.orders, parts.queue);
  return [
    { method: 'GET', path: '/api/sensory/category', access, handle: () => categories(parts) },
    { method: 'POST', path: '/api/sensory/store', access, handle: (request) => store(parts, request) },
    { method: 'POST', path: '/api/sensory/request', access, handle: (request) => requestBatch(parts, request) },
    { method: 'POST', path: '/api/sensory/batch', access, handle: (request) => orderBatch(parts, request) },
    {
      method: 'POST',
      path: '/api/sensory/poll',
      access,
      async handle(request) {
        const { batch_id: id } = fieldsOf(parseJson(request.body));
        if (typeof id !== 'string' || !UUID.test(id)) throw refused('batch_id', 'it must be the id of an order', id);
        return json(200, (await poll(id)) ?? { label: null, data: null });
      },
    },
    {
      method: 'GET',
      path: '/api/version',
      access: 'open',
      handle: async () => json(200, { version: SENSORY_VERSION, 'dicebox lib version': config.apiVersion }),
    },
    { method: 'GET', path: '/health/plain', access: 'open', handle: async () => json(200, 'true') },
  ];
}

function json(status: number, body: object | string | Buffer): FunctionResponse {
  return { status, headers: { 'content-type': 'application/json' }, body };
}

async function categories({ datasets, config }: SensoryParts): Promise<FunctionResponse> {
  const snapshot = await (await datasets.open(defaultDataset(config))).snapshot();
  return json(200, { category_map: Object.fromEntries(snapshot.categories()) });
}

async function store(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const fields = fieldsOf(parseJson(request.body));
  const dataset = {
    name: checkName('name', fields.name),
    width: checkSide('width', fields.width),
    height: checkSide('height', fields.height),
  };
  const category = checkName('category', fields.category);
  const bytes = base64Bytes(fields, 'data');
  await checkPicture(bytes, dataset.width, dataset.height, parts.config.maxImagePixels);
  const catalogue = await parts.datasets.open(dataset);
  await storeSample(parts.store, catalogue, { category, bytes, contentType: 'image/png', extension: 'png' });
  parts.metrics.stored();
  return json(200, { sensory_store: true });
}

async function requestBatch(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { config, datasets, source } = parts;
  const fields = fieldsOf(parseJson(request.body));
  const size = wholeNumber(fields, 'batch_size', 1);
  const noise = probability(fields, 'noise');
  const catalogue = await datasets.open(defaultDataset(config));
  const snapshot = await catalogue.snapshot();
  const room = Math.max(1, Math.floor(MAX_REQUEST_BYTES / (config.datasetWidth * config.datasetHeight)));
  checkBatchSize(size, snapshot, Math.min(config.maxRequestSamples, room));
  const draw = { catalogue, snapshot, size, noise, seed: seedOf(randomUUID()) };
  const { samples, pixels } = await drawBatch(source, draw, drawOrder(draw), 0, size);
  const map = snapshot.categories();
  const labels = oneHotLabels(map.size);
  parts.metrics.drawn('request', size);
  return json(
    201,
    batchJson(
      samples.map(({ category }) => labels[map.get(category) ?? -1] ?? '[]'),
      pixels,
      pixels.length / size,
    ),
  );
}

async function orderBatch(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { config, datasets, orders, queue } = parts;
  const fields = fieldsOf(parseJson(request.body));
  const size = wholeNumber(fields, 'batch_size', 1);
  const noise = probability(fields, 'noise');
  const catalogue = await datasets.open(defaultDataset(config));
  checkBatchSize(size, await catalogue.snapshot(), config.maxOrderSamples);
  const order = await placeOrder({ orders, queue, shardSize: config.shardSize }, catalogue, size, noise);
  parts.metrics.ordered();
  return json(202, { batch_id: order.id });
}

/**
 * @throws BoxError `invalid_argument` that names the largest batch there can be.
 */
function checkBatchSize(size: number, snapshot: Snapshot, most: number): void {
  const largest = Math.min(snapshot.pictures().length, most);
  if (size <= largest) return;
  throw new BoxError(
    'invalid_argument',
    `Cannot draw a batch: batch_size may be ${largest} at most, got ${size}${largest < most ? ' (a sample comes once)' : ''}`,
    { facts: { max_batch_size: largest } },
  );
}
