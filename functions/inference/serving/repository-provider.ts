import type { BlobEntry, BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { isRecord, parseObject } from '#lib/json/json-object.ts';
import type { Log } from '#lib/log/log.ts';
import type { LoadOptions } from '../model/loaded-model.ts';
import type { ModelFetcher } from '../model/source/source.ts';
import { readModelOptions } from './model-options.ts';
import type { ModelProvider, ServedModel } from './served-model.ts';

export interface RepositoryOptions {
  readonly bucket: string;
  readonly store: BlobStore;
  readonly fetcher: ModelFetcher;
  readonly load: LoadOptions;
  readonly log: Log;
}

const MODEL_KEY = /^([^/]+)\/([1-9]\d{0,8})\/model\.onnx(\.gz)?$/;
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/**
 * Models that were put into a bucket by themselves: `<name>/<version>/model.onnx`, or `.onnx.gz`, with an optional
 * `config.json` beside it: `{ "labels": [...], "sha256": "…", "options": { … } }`.
 */
export function openRepositoryProvider(options: RepositoryOptions): ModelProvider {
  const configs = new Map<string, { readonly etag: string; readonly config: RepositoryConfig }>();
  let known: readonly ServedModel[] = [];
  return {
    async list() {
      try {
        known = await listModels(options, configs);
      } catch (error) {
        // What is in memory runs without the bucket, and models of scenarios are served without one too.
        options.log.warn({ err: error }, `the models of bucket ${options.bucket} are not known: ${errorText(error)}`);
      }
      return known;
    },
  };
}

interface RepositoryConfig {
  readonly labels: readonly string[];
  readonly sha256: string | undefined;
  readonly options: ReturnType<typeof readModelOptions>;
}

async function listModels(
  repository: RepositoryOptions,
  configs: Map<string, { readonly etag: string; readonly config: RepositoryConfig }>,
): Promise<ServedModel[]> {
  const entries = new Map<string, BlobEntry>();
  for await (const entry of repository.store.list('')) entries.set(entry.key, entry);
  const models: ServedModel[] = [];
  for (const { key, etag } of entries.values()) {
    const [, name, version] = MODEL_KEY.exec(key) ?? [];
    if (name === undefined || version === undefined) continue;
    const configKey = `${name}/${version}/config.json`;
    const entry = entries.get(configKey);
    const configEtag = entry?.etag ?? '';
    const known = configs.get(configKey);
    const config = known?.etag === configEtag ? known.config : await readConfigOf(repository, entry);
    configs.set(configKey, { etag: configEtag, config });
    models.push(servedModel(repository, { key, name, version, tag: `${etag} ${configEtag}` }, config));
  }
  return models;
}

function servedModel(
  { bucket, fetcher }: RepositoryOptions,
  found: { readonly key: string; readonly name: string; readonly version: string; readonly tag: string },
  { labels, sha256, options: { options, problems } }: RepositoryConfig,
): ServedModel {
  return {
    name: found.name,
    version: found.version,
    tag: found.tag,
    labels,
    load: options.load,
    pinned: options.pinned,
    golden: options.golden,
    async fetch() {
      if (problems.length > 0) {
        const list = problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
        throw new BoxError('unprocessable', `Cannot load model ${found.name}: its config.json: ${list}`, { problems });
      }
      return fetcher.fetch(`s3://${bucket}/${found.key}`, sha256);
    },
  };
}

async function readConfigOf(
  { store, load }: RepositoryOptions,
  entry: BlobEntry | undefined,
): Promise<RepositoryConfig> {
  if (entry === undefined) return { labels: [], sha256: undefined, options: readModelOptions({}, load) };
  const bytes = entry.size > MAX_CONFIG_BYTES ? undefined : (await store.get(entry.key)).bytes;
  const document = bytes && parseObject(bytes.toString('utf8'));
  if (document === undefined) return broken('', 'must be a JSON object', load);
  const { labels = [], sha256, options = {}, ...unknown } = document;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) return broken(`/${stranger}`, 'is not known: allowed are labels, sha256, options', load);
  if (!Array.isArray(labels) || !labels.every((label) => typeof label === 'string')) {
    return broken('/labels', 'must be a list of text', load);
  }
  if (sha256 !== undefined && (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256))) {
    return broken('/sha256', 'must be 64 hexadecimal digits', load);
  }
  if (!isRecord(options)) return broken('/options', 'must be an object', load);
  return { labels, sha256, options: readModelOptions(options, load) };
}

function broken(pointer: string, message: string, load: LoadOptions): RepositoryConfig {
  const { options } = readModelOptions({}, load);
  return { labels: [], sha256: undefined, options: { options, problems: [{ pointer, message }] } };
}
