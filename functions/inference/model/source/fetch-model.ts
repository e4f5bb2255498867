import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BoxError } from '#lib/error/box-error.ts';
import { freeBytes } from '../onnx/free-bytes.ts';
import { externalFiles, readOnnx } from '../onnx/onnx-file.ts';
import type { ConvertedModels } from '../tensorflow/converted-models.ts';
import { type CachedFile, type ModelCache, tooLarge } from './model-cache.ts';
import { openModelFolder } from './model-folder.ts';
import type { FetchedModel, ModelFetcher, ModelSource } from './source.ts';

export interface FetchOptions {
  readonly http: ModelSource;
  readonly ftp: ModelSource;
  readonly file: ModelSource;
  readonly s3: ModelSource;
  readonly cache: ModelCache;
  readonly converted: ConvertedModels;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/** Opens the fetcher over the sources that there are. */
export function openModelFetcher(options: FetchOptions): ModelFetcher {
  const underway = new Map<string, Promise<FetchedModel>>();
  return {
    fetch(location, sha256) {
      const key = `${location}\n${sha256 ?? ''}`;
      const known = underway.get(key);
      if (known) return known;
      const fetched = fetchWhole(location, sha256?.toLowerCase(), options).finally(() => underway.delete(key));
      underway.set(key, fetched);
      return fetched;
    },
    fetchConverted(location, tensors, sha256) {
      const hash = sha256?.toLowerCase();
      return options.converted.of(() => fetchFile(location, hash, options), tensors, hash);
    },
    keep: (files) => keepSent(files, options.cache),
    has: ({ path }) =>
      access(path).then(
        () => true,
        () => false,
      ),
  };
}

async function fetchWhole(location: string, sha256: string | undefined, options: FetchOptions): Promise<FetchedModel> {
  const model = await fetchFile(location, sha256, options);
  const bytes = await readFile(model.path);
  const others = otherFiles(bytes);
  if (others.length === 0) return { ...model, hash: model.sha256 };
  const beside: { name: string; file: CachedFile }[] = [];
  for (const name of others) {
    beside.push({ name, file: await fetchFile(siblingOf(location, name), undefined, options) });
  }
  return openModelFolder(model, beside);
}

async function keepSent(files: ReadonlyMap<string, Buffer>, cache: ModelCache): Promise<FetchedModel> {
  const take = (name: string): Promise<CachedFile> => {
    const bytes = files.get(name);
    if (bytes === undefined) {
      throw new BoxError('unprocessable', `Cannot load model: its file ${JSON.stringify(name)} must be sent with it`);
    }
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return cache.keep(`sent:${sha256}`, Readable.from([bytes]), false, {});
  };
  const model = await take('model.onnx');
  const beside: { name: string; file: CachedFile }[] = [];
  for (const name of otherFiles(await readFile(model.path))) beside.push({ name, file: await take(name) });
  return beside.length === 0 ? { ...model, hash: model.sha256 } : openModelFolder(model, beside);
}

function otherFiles(bytes: Buffer): readonly string[] {
  try {
    return externalFiles(readOnnx(bytes));
  } finally {
    freeBytes(bytes);
  }
}

async function fetchFile(location: string, sha256: string | undefined, options: FetchOptions): Promise<CachedFile> {
  const here = sha256 === undefined ? undefined : await options.cache.find(sha256);
  if (here) return here;
  const known = await options.cache.recall(location);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  try {
    const opened = await sourceOf(location, options).open(location, known?.validators, timeout);
    const file = opened === 'unchanged' ? known?.file : await keep(location, opened, timeout, options);
    if (file === undefined)
      throw new BoxError('unavailable', `Cannot fetch model ${shown(location)}: its source is confused`);
    if (sha256 !== undefined && file.sha256 !== sha256) throw mismatch(location, sha256, file.sha256);
    return file;
  } catch (error) {
    if (!timeout.aborted) throw error;
    const limit = `it must be here within ${options.timeoutMs} ms`;
    throw new BoxError('deadline_exceeded', `Cannot fetch model ${shown(location)}: ${limit}`, { cause: error });
  }
}

async function keep(
  location: string,
  opened: Exclude<Awaited<ReturnType<ModelSource['open']>>, 'unchanged'>,
  timeout: AbortSignal,
  options: FetchOptions,
): Promise<CachedFile> {
  const { body, bytes, validators } = opened;
  if (bytes !== undefined && bytes > options.maxBytes) {
    body.destroy();
    throw tooLarge(options.maxBytes);
  }
  const stop = () => body.destroy(new Error('the time is up'));
  timeout.addEventListener('abort', stop, { once: true });
  try {
    return await options.cache.keep(location, body, isPacked(location), validators);
  } finally {
    timeout.removeEventListener('abort', stop);
  }
}

function sourceOf(location: string, { http, ftp, file, s3 }: FetchOptions): ModelSource {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(location)?.[1]?.toLowerCase();
  if (scheme === 'http' || scheme === 'https') {
    if (URL.canParse(location)) return http;
    throw new BoxError('unprocessable', `Cannot fetch model: its location must be a URL, got ${location}`);
  }
  if (scheme === 'ftp') return ftp;
  if (scheme === 's3') return s3;
  if (scheme === undefined || scheme === 'file') return file;
  const allowed = 'its location must be http://, https://, ftp://, s3://, file:// or a path';
  throw new BoxError('unprocessable', `Cannot fetch model: ${allowed}, got ${scheme}:`);
}

/** Whether a location names a gzip file; a URL's query is not looked at. */
function isPacked(location: string): boolean {
  return location
    .replace(/[?#].*$/, '')
    .toLowerCase()
    .endsWith('.gz');
}

/** The location of a file beside the model. */
function siblingOf(location: string, name: string): string {
  if (name.startsWith('/') || name.split(/[/\\]/).includes('..')) {
    throw new BoxError('unprocessable', `Cannot fetch model: its other files must lie beside it, got ${name}`);
  }
  return location.replace(/[^/]*$/, () => name);
}

/** A location without the password that a URL may have. */
function shown(location: string): string {
  return location.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}

function mismatch(location: string, wanted: string, got: string): BoxError {
  return new BoxError(
    'unprocessable',
    `Cannot fetch model ${shown(location)}: its SHA-256 must be ${wanted}, got ${got}`,
  );
}
