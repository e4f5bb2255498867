import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest, FunctionResponse, Route } from '#lib/function/route.ts';
import { jsonBody, queryInteger, queryText } from '#lib/function/route.ts';
import type { Epoch } from '../feed/epoch.ts';
import { readFeedSpec } from '../feed/spec.ts';
import type { StreamParts } from '../feed/stream.ts';
import { fieldsOf, refused, wholeNumber } from '../fields.ts';
import { mdsIndex } from '../format/mds.ts';
import { FILE_OF, FORMATS, fileName } from '../format/order-file.ts';
import { parseDatasetFolder } from '../names.ts';
import { orderPrefix, placeFileOrder, removeFiles } from '../order/file-order.ts';
import { type FileOrder, failureOf, isComplete, type Order, type ShardState, stateOf } from '../order/order.ts';
import { readVersion } from '../version.ts';
import { defaultDataset, type SensoryParts } from './old-routes.ts';

const MEMBERS = [
  'dataset',
  'version',
  'size',
  'epochs',
  'split',
  'ratios',
  'seed',
  'balance',
  'noise',
  'augment',
  'mix',
  'format',
  'file_samples',
];
const LINK_SECONDS = 3600;
/** Below the time that a gateway gives a call. */
const MAX_WAIT_SECONDS = 30;
const MAX_EPOCHS = 1000;

/** Orders as resources: any split, seed, balance and augmentation, into files of a format that trainers read. */
export function orderRoutes(parts: SensoryParts, stream: Pick<StreamParts, 'epochOf'>): Route[] {
  const id = '/api/sensory/order/:id';
  return [
    { method: 'POST', path: '/api/sensory/order', handle: (request) => place(parts, stream, request) },
    { method: 'GET', path: id, handle: (request) => show(parts, request) },
    { method: 'DELETE', path: id, handle: (request) => cancel(parts, request) },
    { method: 'GET', path: `${id}/file/:name`, handle: (request) => sendFile(parts, request) },
  ];
}

async function place(
  parts: SensoryParts,
  { epochOf }: Pick<StreamParts, 'epochOf'>,
  request: FunctionRequest,
): Promise<FunctionResponse> {
  const { config, datasets, orders, queue } = parts;
  const fields = fieldsOf(jsonBody(request));
  const unknown = Object.keys(fields).find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined) throw refused(unknown, `an order has ${MEMBERS.join(', ')}`, fields[unknown]);
  const format = FORMATS.find((known) => known === (fields.format ?? 'npz'));
  if (!format) throw refused('format', `it must be one of ${FORMATS.join(', ')}`, fields.format);
  const spec = readFeedSpec(fields);
  const fileSamples = fields.file_samples === undefined ? config.shardSize : wholeNumber(fields, 'file_samples', 1);
  const dataset = fields.dataset === undefined ? defaultDataset(config) : parseDatasetFolder(fields.dataset);
  const catalogue = await datasets.open(dataset);
  const snapshot =
    fields.version === undefined
      ? await catalogue.snapshot()
      : await catalogue.at((await readVersion(parts.store, catalogue.places, fields.version)).manifest.seq);
  const epoch: Epoch = epochOf(snapshot, catalogue.places.folder, spec, 0);
  const epochSize = epoch.order.length;
  if (epochSize === 0) {
    throw new BoxError(
      'unprocessable',
      `Cannot take an order: split ${spec.split} of ${catalogue.places.folder} is empty`,
    );
  }
  if (fields.size !== undefined && fields.epochs !== undefined) {
    throw refused('size', 'either size or epochs must be given', fields.size);
  }
  const most = Math.min(config.maxOrderSamples, epochSize * MAX_EPOCHS);
  const size =
    fields.size === undefined
      ? epochSize * (fields.epochs === undefined ? 1 : wholeNumber(fields, 'epochs', 1, MAX_EPOCHS))
      : wholeNumber(fields, 'size', 1, most);
  if (size > most) throw refused('epochs', `an order may have ${most} samples at most`, fields.epochs);
  const order = await placeFileOrder(orders, queue, {
    catalogue,
    snapshot,
    spec,
    format,
    size,
    epochSize,
    fileSamples,
  });
  parts.metrics.ordered();
  return { status: 202, headers: { location: `/api/sensory/order/${order.id}` }, body: await describe(parts, order) };
}

async function orderOf({ orders }: SensoryParts, { params }: FunctionRequest): Promise<Order> {
  return found(params.id ?? '', await orders.get(params.id ?? ''));
}

function found(id: string, order: Order | undefined): Order {
  if (order) return order;
  throw new BoxError('not_found', `Cannot find order ${id}: there is none`);
}

/**
 * The order; with `wait=SECONDS` as soon as more than `done` of its samples are there, or it runs no more, or the time is
 * over. Who asks again with the number that was told misses nothing.
 */
async function show(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const seconds = queryInteger(request, 'wait', 0, MAX_WAIT_SECONDS) ?? 0;
  const known = queryInteger(request, 'done', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const id = request.params.id ?? '';
  const isNews = (order: Order) => stateOf(order) !== 'running' || doneOf(order) > known;
  const order = seconds === 0 ? await parts.orders.get(id) : await parts.orders.until(id, isNews, seconds * 1000);
  return { status: 200, body: await describe(parts, found(id, order)) };
}

/** The order as its resource shows it: state, progress, when it may be done, where its files are. */
async function describe({ store }: SensoryParts, order: Order): Promise<object> {
  const { id, dataset, size, files, shards, createdAt, ended } = order;
  const done = doneOf(order);
  const state = stateOf(order);
  const self = `/api/sensory/order/${id}`;
  const listed = await Promise.all(
    shards.map(async (shard, number) => {
      const progress = { from: shard.from, size: shard.size, done: shard.published, ...describeTrouble(shard) };
      if (!files || shard.bytes === undefined || ended) return progress;
      const name = fileName(files.format, number);
      const presigned = await store.presign(orderPrefix(order) + name, LINK_SECONDS);
      return { ...progress, name, bytes: shard.bytes, href: `${self}/file/${name}`, presigned };
    }),
  );
  const reason = failureOf(order)?.message;
  return {
    id,
    dataset,
    snapshot: order.seq,
    state,
    ...(reason !== undefined && { reason }),
    size,
    done,
    created_at: createdAt,
    ...(state === 'running' && done > 0 && { eta: eta(order, done) }),
    ...(files && { format: files.format, ...describeSpec(files) }),
    shards: listed,
    links: { self, ...(files?.format === 'mds' && { index: `${self}/file/index.json` }) },
  };
}

function doneOf({ shards }: Order): number {
  return shards.reduce((sum, { published }) => sum + published, 0);
}

/** What a shard lacks, and what went wrong with it. */
function describeTrouble({ leftOut, failure }: ShardState): object {
  return { ...(leftOut && { left_out: leftOut }), ...(failure && { failure }) };
}

function describeSpec({ spec }: FileOrder): object {
  const { recipe, ...rest } = spec;
  return { ...rest, augment: recipe };
}

/** When it is done if it goes on as it went. */
function eta({ createdAt, size }: Order, done: number): string {
  const began = Date.parse(createdAt);
  return new Date(began + ((Date.now() - began) * size) / done).toISOString();
}

async function cancel(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { id } = await orderOf(parts, request);
  const order = await parts.orders.update(id, (current) =>
    current.ended ? current : { ...current, ended: 'cancelled' },
  );
  if (order.files) await removeFiles(parts.store, order);
  else await parts.queue.removeResults(id);
  return { status: 204 };
}

async function sendFile(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const id = request.params.id ?? '';
  const name = request.params.name ?? '';
  const isThere = ({ files, shards }: Order) =>
    files !== undefined && shards.some(({ bytes }, i) => bytes !== undefined && fileName(files.format, i) === name);
  const recorded = await parts.orders.recorded(id);
  const order = recorded && isThere(recorded) ? recorded : await orderOf(parts, request);
  const { files, shards } = order;
  if (!files || order.ended) throw new BoxError('not_found', `Cannot find ${name}: order ${order.id} has no files`);
  if (files.format === 'mds' && name === 'index.json') return { status: 200, body: indexOf(order, files) };
  const number = shards.findIndex((shard, i) => shard.bytes !== undefined && fileName(files.format, i) === name);
  if (number === -1) throw new BoxError('not_found', `Cannot find ${name}: order ${order.id} has no such file yet`);
  if (queryText(request, 'redirect') === 'true') {
    const location = await parts.store.presign(orderPrefix(order) + name, LINK_SECONDS);
    return { status: 307, headers: { location } };
  }
  const type = { 'content-type': FILE_OF[files.format].type };
  const fresh = parts.freshFiles.take(orderPrefix(order) + name);
  if (fresh) return { status: 200, headers: type, body: fresh };
  const { stream, size } = await parts.store.open(orderPrefix(order) + name);
  return { status: 200, headers: { ...type, 'content-length': String(size) }, body: stream };
}

function indexOf(order: Order, files: FileOrder): object {
  if (!isComplete(order)) {
    throw new BoxError('conflict', `Cannot give the index of order ${order.id}: it must be complete`, {
      retryAfterSeconds: 1,
    });
  }
  const { width, height } = parseDatasetFolder(order.dataset);
  const shards = order.shards.map(({ size, bytes, leftOut }, i) => ({
    file: fileName(files.format, i),
    bytes: bytes ?? 0,
    samples: size - (leftOut?.count ?? 0),
  }));
  return mdsIndex(shards, width, height);
}
