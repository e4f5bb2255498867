import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest, FunctionResponse, Route } from '#lib/function/route.ts';
import { jsonBody, queryText } from '#lib/function/route.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { fieldsOf, refused } from '../fields.ts';
import { parseDatasetFolder } from '../names.ts';
import { compareSnapshots, freezeVersion, listVersions, readVersion } from '../version.ts';
import type { SensoryParts } from './old-routes.ts';

const MAX_LISTED = 100;
const MAX_DESCRIPTION = 2000;

/** Datasets as resources: which there are, what they hold, versions of them. */
export function datasetRoutes(parts: SensoryParts): Route[] {
  const one = '/api/sensory/dataset/:dataset';
  return [
    { method: 'GET', path: '/api/sensory/dataset', handle: () => list(parts) },
    { method: 'GET', path: one, handle: (request) => describe(parts, request) },
    { method: 'PUT', path: one, handle: (request) => create(parts, request) },
    { method: 'POST', path: `${one}/version`, handle: (request) => freeze(parts, request) },
    { method: 'GET', path: `${one}/version/:version`, handle: (request) => showVersion(parts, request) },
  ];
}

async function list({ store }: SensoryParts): Promise<FunctionResponse> {
  const datasets: string[] = [];
  for (const folder of await store.listFolders('')) {
    try {
      parseDatasetFolder(folder);
      datasets.push(folder);
    } catch (error) {
      // Somebody else's folder in the bucket is no dataset.
      if (!(error instanceof BoxError)) throw error;
    }
  }
  return { status: 200, body: { datasets } };
}

async function open({ datasets, store }: SensoryParts, { params }: FunctionRequest) {
  const dataset = parseDatasetFolder(params.dataset);
  const catalogue = await datasets.open(dataset);
  const snapshot = await catalogue.snapshot();
  const description = await store.head(catalogue.places.description);
  if (snapshot.samples.length === 0 && snapshot.seq === 0 && !description) {
    throw new BoxError('not_found', `Cannot find dataset ${params.dataset}: there is none`);
  }
  return { dataset, catalogue, snapshot };
}

async function describe(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { dataset, catalogue, snapshot } = await open(parts, request);
  const { places } = catalogue;
  const described = await parts.store.head(places.description);
  const body = {
    ...dataset,
    dataset: places.folder,
    ...(described && {
      description: JSON.parse((await parts.store.get(places.description)).bytes.toString()).description,
    }),
    snapshot: snapshot.seq,
    ...statistics(snapshot),
    versions: await listVersions(parts.store, places),
  };
  return { status: 200, body };
}

/** Counts and bytes, in all and by category. */
function statistics(snapshot: Snapshot): object {
  const categories = new Map<string, { samples: number; bytes: number; index?: number }>();
  let packed = 0;
  for (const sample of snapshot.samples) {
    const known = categories.get(sample.category) ?? { samples: 0, bytes: 0 };
    categories.set(sample.category, known);
    known.samples++;
    known.bytes += sample.size;
    if (snapshot.locate(sample)) packed++;
  }
  for (const [category, index] of snapshot.categories()) {
    const known = categories.get(category);
    if (known) known.index = index;
  }
  return {
    samples: snapshot.samples.length,
    pictures: snapshot.pictures().length,
    bytes: snapshot.samples.reduce((sum, { size }) => sum + size, 0),
    packed,
    // Not by assignment: a category may be named __proto__.
    categories: Object.fromEntries(categories),
  };
}

async function create(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const dataset = parseDatasetFolder(request.params.dataset);
  const { description = '' } = fieldsOf(jsonBody(request));
  if (typeof description !== 'string' || description.length > MAX_DESCRIPTION) {
    throw refused('description', `it must be text of at most ${MAX_DESCRIPTION} characters`, description);
  }
  const { places } = await parts.datasets.open(dataset);
  const known = await parts.store.head(places.description);
  await parts.store.put(places.description, Buffer.from(JSON.stringify({ description })), {
    contentType: 'application/json',
  });
  return { status: known ? 200 : 201, body: { dataset: places.folder, description } };
}

async function freeze(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { name } = fieldsOf(jsonBody(request));
  const { catalogue } = await open(parts, request);
  await parts.datasets.reconcile(catalogue.dataset);
  await parts.datasets.packAll(catalogue.dataset);
  const version = await freezeVersion(parts.store, catalogue, name);
  const { manifest, ...facts } = version;
  return { status: 201, body: { ...facts, dataset: catalogue.places.folder, snapshot: manifest.seq } };
}

/** A version with its statistics; with `compare=NAME` what changed since that one. */
async function showVersion(parts: SensoryParts, request: FunctionRequest): Promise<FunctionResponse> {
  const { catalogue } = await open(parts, request);
  const { manifest, ...facts } = await readVersion(parts.store, catalogue.places, request.params.version);
  const snapshot = await catalogue.at(manifest.seq);
  const other = queryText(request, 'compare');
  const body = { ...facts, dataset: catalogue.places.folder, snapshot: manifest.seq };
  if (other === undefined) return { status: 200, body: { ...body, ...statistics(snapshot) } };
  const before = await catalogue.at((await readVersion(parts.store, catalogue.places, other)).manifest.seq);
  const { added, removed, changed } = compareSnapshots(before, snapshot);
  const shown = (paths: readonly string[]) => ({ count: paths.length, first: paths.slice(0, MAX_LISTED) });
  const compared = { to: other, added: shown(added), removed: shown(removed), changed: shown(changed) };
  return { status: 200, body: { ...body, compared } };
}
