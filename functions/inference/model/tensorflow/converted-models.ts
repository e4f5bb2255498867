import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { CachedFile, ModelCache } from '../source/model-cache.ts';
import type { FetchedModel } from '../source/source.ts';
import { type GraphConverter, type GraphTensors, notDeployed } from './graph-converter.ts';

/** The ONNX models that TensorFlow's frozen graphs were converted to: each once, kept by the graph's content. */
export interface ConvertedModels {
  /**
   * The model of a graph.
   *
   * @param graph brings the graph here; asked only when its model is not known
   * @param sha256 what the graph hashes to, where that is known beforehand: then its model is found without the graph
   * @throws BoxError `not_implemented` where nothing here converts graphs, and what the converter throws
   */
  of(graph: () => Promise<CachedFile>, tensors: GraphTensors, sha256: string | undefined): Promise<FetchedModel>;
}

export interface ConvertedModelsOptions {
  readonly cache: ModelCache;
  readonly converter: GraphConverter;
  /** The bucket of models; undefined: they are kept on this machine's disk alone. */
  readonly store: BlobStore | undefined;
}

export function openConvertedModels(options: ConvertedModelsOptions): ConvertedModels {
  const underway = new Map<string, Promise<FetchedModel>>();
  const once = (name: string, make: () => Promise<FetchedModel>): Promise<FetchedModel> => {
    const known = underway.get(name);
    if (known) return known;
    const made = make().finally(() => underway.delete(name));
    underway.set(name, made);
    return made;
  };
  return {
    async of(graph, tensors, sha256) {
      const kept = sha256 === undefined ? undefined : await find(nameOf(sha256, tensors), options);
      if (kept) return kept;
      const file = await graph().catch(async (error: unknown) => {
        // Who has no converter is told that first: a graph that can be fetched would not help.
        throw (await options.converter.isDeployed()) ? error : notDeployed(error);
      });
      const name = nameOf(file.sha256, tensors);
      return once(name, async () => (await find(name, options)) ?? (await convert(name, file, tensors, options)));
    },
  };
}

/** Where a model is kept: by its graph, and by the names that were asked for. */
function nameOf(sha256: string, { inputs, outputs }: GraphTensors): string {
  const asked = JSON.stringify([inputs.map(({ name, shape }) => [name, shape]), outputs.map(({ name }) => name)]);
  return `converted/${sha256.toLowerCase()}/${createHash('sha256').update(asked).digest('hex').slice(0, 16)}.onnx`;
}

async function find(name: string, { cache, store }: ConvertedModelsOptions): Promise<FetchedModel | undefined> {
  const here = await cache.recall(name);
  if (here) return fetched(here.file);
  const kept = await store?.get(name).catch((error: unknown) => {
    if (error instanceof BoxError && error.code === 'not_found') return undefined;
    throw error;
  });
  return kept && fetched(await cache.keep(name, Readable.from([kept.bytes]), false, {}));
}

async function convert(
  name: string,
  graph: CachedFile,
  tensors: GraphTensors,
  { cache, converter, store }: ConvertedModelsOptions,
): Promise<FetchedModel> {
  const bytes = await converter.convert(graph, tensors);
  // The bucket first: what the cache knows is not looked for there any more.
  await store?.put(name, bytes, { contentType: 'application/octet-stream' });
  return fetched(await cache.keep(name, Readable.from([bytes]), false, {}));
}

function fetched({ path, sha256, bytes }: CachedFile): FetchedModel {
  return { path, hash: sha256, sha256, bytes };
}
