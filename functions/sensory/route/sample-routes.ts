import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest, FunctionResponse, Route } from '#lib/function/route.ts';
import { jsonBody, queryInteger, queryText } from '#lib/function/route.ts';
import { makeThumbnail } from '#lib/image/thumbnail.ts';
import { bareContentType } from '#lib/message/cloud-event.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { INBOX, isImage, type Sample, storedFacts } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { fieldsOf, refused } from '../fields.ts';
import { DUPLICATES, keepSample } from '../keep-sample.ts';
import { checkName, parseDatasetFolder } from '../names.ts';
import { putOnce } from '../put-once.ts';
import type { Relabelling } from '../relabel.ts';
import { defaultDataset, type SensoryParts } from './old-routes.ts';

const MAX_PAGE = 1000;
const MAX_THUMBNAIL = 512;
const SHA256 = /^[0-9a-f]{64}$/;

/** Samples as resources: any content type, with what is known of where they come from. */
export function sampleRoutes(parts: SensoryParts, labels: Relabelling): Route[] {
  const one = '/api/sensory/sample/:id';
  return [
    { method: 'POST', path: '/api/sensory/sample', handle: (request) => add(parts, request) },
    { method: 'GET', path: '/api/sensory/sample', handle: (request) => list(parts, request) },
    { method: 'GET', path: one, handle: (request) => show(parts, labels, request) },
    { method: 'GET', path: `${one}/bytes`, handle: (request) => sendBytes(parts, request) },
    { method: 'GET', path: `${one}/thumbnail`, handle: (request) => sendThumbnail(parts, request) },
    { method: 'POST', path: `${one}/label`, handle: (request) => relabel(parts, labels, request) },
    { method: 'DELETE', path: one, handle: (request) => remove(parts, labels, request) },
    { method: 'POST', path: `${one}/undelete`, handle: (request) => undelete(parts, request) },
  ];
}

async function open({ datasets, config }: SensoryParts, request: FunctionRequest): Promise<Catalogue> {
  const folder = queryText(request, 'dataset');
  return datasets.open(folder === undefined ? defaultDataset(config) : parseDatasetFolder(folder));
}

function describe(snapshot: Snapshot, sample: Sample): object {
  const { path, category, size, modifiedMs, facts } = sample;
  const stored = new Date(modifiedMs).toISOString();
  return { id: snapshot.idOf(sample), path, category, size, stored_at: stored, ...facts };
}

async function add(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { body: bytes, headers } = request;
  if (bytes.length === 0) throw new BoxError('invalid_argument', 'Cannot store sample: the body must not be empty');
  const category = checkName('category', queryText(request, 'category') ?? INBOX);
  const asked = queryText(request, 'duplicates') ?? 'refuse';
  const duplicates = DUPLICATES.find((known) => known === asked);
  if (duplicates === undefined) throw refused('duplicates', 'it must be refuse, link or keep', asked);
  const contentType = bareContentType(headers['content-type']) ?? 'application/octet-stream';
  const { store, metrics } = parts;
  const { maxImagePixels } = parts.config;
  const given = { category, bytes, contentType, duplicates, facts: request.query };
  const kept = await keepSample({ store, maxImagePixels, stored: metrics.stored }, await open(parts, request), given);
  const { sample, snapshot, near } = kept;
  if (kept.duplicate) return { status: 200, body: { ...describe(snapshot, sample), duplicate: true } };
  const body = { ...describe(snapshot, sample), ...(near.length > 0 && { near: near.map(({ path }) => path) }) };
  return { status: 201, headers: { location: `/api/sensory/sample/${sample.id}` }, body };
}

/** Pages in the order in which samples came; `after` is the last path of the page before. */
async function list(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const catalogue = await open(parts, request);
  const snapshot = await catalogue.snapshot();
  const limit = queryInteger(request, 'limit', 1, MAX_PAGE) ?? 100;
  const after = queryText(request, 'after');
  const wanted = ['category', 'source', 'group', 'prediction', 'model_version', 'correlation_id'] as const;
  const filters = wanted.flatMap((name) => {
    const value = queryText(request, name);
    return value === undefined ? [] : [{ name, value }];
  });
  const matches = snapshot.samples.filter((sample) =>
    filters.every(({ name, value }) => (name === 'category' ? sample.category : sample.facts?.[name]) === value),
  );
  const start = after === undefined ? 0 : matches.findIndex(({ path }) => path === after) + 1;
  if (after !== undefined && start === 0) {
    throw new BoxError('not_found', `Cannot list samples after ${after}: it is there no more; begin without after`);
  }
  const page = matches.slice(start, start + limit);
  const next = start + limit < matches.length ? page.at(-1)?.path : undefined;
  const samples = page.map((sample) => describe(snapshot, sample));
  return { status: 200, body: { total: matches.length, samples, ...(next !== undefined && { next }) } };
}

async function find(parts: SensoryParts, request: FunctionRequest) {
  const id = request.params.id ?? '';
  if (!SHA256.test(id)) throw refused('id', 'it must be the SHA-256 of the bytes in hex', id);
  const catalogue = await open(parts, request);
  const snapshot = await catalogue.snapshot();
  const [sample] = snapshot.withId(id);
  if (sample) return { id, catalogue, snapshot, sample };
  throw new BoxError('not_found', `Cannot find sample ${id}: there is none in ${catalogue.places.folder}`);
}

/** The sample that is to be changed, once an earlier change of it is completed. */
async function findWhole(parts: SensoryParts, labels: Relabelling, request: FunctionRequest) {
  const { id, catalogue } = await find(parts, request);
  await labels.settle(catalogue, id);
  return find(parts, request);
}

async function show(parts: SensoryParts, labels: Relabelling, request: FunctionRequest): Promise<FunctionResponse> {
  const { id, catalogue, snapshot, sample } = await find(parts, request);
  return { status: 200, body: { ...describe(snapshot, sample), history: await labels.history(catalogue, id) } };
}

async function sendBytes(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { catalogue, sample } = await find(parts, request);
  const { bytes, contentType } = await parts.store.get(catalogue.places.data + sample.path);
  // What somebody stored is shown, never run, by a browser.
  const headers = {
    'content-type': contentType,
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  };
  return { status: 200, headers, body: bytes };
}

async function sendThumbnail(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { catalogue, sample } = await find(parts, request);
  const size = queryInteger(request, 'size', 8, MAX_THUMBNAIL) ?? 128;
  if (!isImage(sample)) throw new BoxError('unprocessable', `Cannot show ${sample.path}: it is no picture`);
  const { bytes } = await parts.store.get(catalogue.places.data + sample.path);
  const body = await makeThumbnail(bytes, size, { maxPixels: parts.config.maxImagePixels });
  return { status: 200, headers: { 'content-type': 'image/png' }, body };
}

async function relabel(parts: SensoryParts, labels: Relabelling, request: FunctionRequest): Promise<FunctionResponse> {
  const fields = fieldsOf(jsonBody(request));
  const category = checkName('category', fields.category);
  const by = checkName('by', fields.by);
  const { id, catalogue, snapshot, sample } = await findWhole(parts, labels, request);
  if (sample.category === category) return { status: 200, body: describe(snapshot, sample) };
  const change = { at: new Date().toISOString(), by, from: sample.category, to: category };
  const moved = await labels.relabel(catalogue, sample, id, change);
  return { status: 200, body: { ...describe(snapshot, moved), history: await labels.history(catalogue, id) } };
}

async function remove(parts: SensoryParts, labels: Relabelling, request: FunctionRequest): Promise<FunctionResponse> {
  const { id, catalogue, sample } = await findWhole(parts, labels, request);
  const { data, deleted } = catalogue.places;
  const { bytes, contentType, metadata } = await parts.store.get(data + sample.path);
  await parts.store.put(`${deleted}${id}/${sample.path}`, bytes, { contentType, metadata });
  await catalogue.change({ removed: [sample.path], added: [] });
  await parts.store.delete([data + sample.path]);
  return { status: 204 };
}

async function undelete(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const id = request.params.id ?? '';
  if (!SHA256.test(id)) throw refused('id', 'it must be the SHA-256 of the bytes in hex', id);
  const catalogue = await open(parts, request);
  const { data, deleted } = catalogue.places;
  const prefix = `${deleted}${id}/`;
  for await (const { key, size } of parts.store.list(prefix)) {
    const blob = await parts.store.get(key);
    const path = key.slice(prefix.length);
    const category = path.slice(0, path.indexOf('/'));
    const back = await putOnce(parts.store, data + path, blob);
    if (!back) {
      throw new BoxError(
        'conflict',
        `Cannot undelete sample ${id}: another one is ${path} now; relabel or delete that first`,
      );
    }
    const { etag } = back;
    const facts = storedFacts(blob.metadata);
    const sample = { path, category, size, etag, modifiedMs: Date.now(), id, ...(facts && { facts }) };
    await catalogue.change({ removed: [], added: [sample] });
    await parts.store.delete([key]);
    return { status: 200, body: describe(await catalogue.snapshot(), sample) };
  }
  throw new BoxError('not_found', `Cannot undelete sample ${id}: it is not among the deleted`);
}
