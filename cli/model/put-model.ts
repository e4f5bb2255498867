import { readFile, stat } from 'node:fs/promises';
import { basename, relative, sep } from 'node:path';
import type { UploadOptions } from '#lib/blob/upload-file.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { filesBelow, isMissing } from '../files.ts';
import { MODEL_FILE, type Repository } from './model-repository.ts';

/** A file that is to be kept, by its name below the version. */
export interface ModelFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * The files of a model, itself last. A folder holds one `.onnx` or `.onnx.gz`, perhaps a `config.json`, and files that
 * hold its tensors; those of folders below keep their path. With a file comes `NAME.onnx.data` from beside it: there PyTorch
 * keeps the tensors.
 *
 * @throws BoxError `invalid_argument` for a path that is none, a folder without one model, a config that is not JSON
 */
export async function modelFiles(
  path: string,
  config: string | undefined,
  beside: readonly string[],
): Promise<ModelFile[]> {
  const found = await filesBelow('put', path);
  const isFolder = (await stat(path)).isDirectory();
  const named = new Map(
    found.map((file) => [isFolder ? relative(path, file).replaceAll(sep, '/') : basename(file), file]),
  );
  const models = [...named.keys()].filter((name) => /^[^/]+\.onnx(\.gz)?$/i.test(name));
  const [model] = models;
  if (model === undefined || models.length > 1) {
    const got = models.length === 0 ? 'none' : models.join(', ');
    throw new BoxError('invalid_argument', `Cannot put ${path}: it must hold one .onnx or .onnx.gz file, got ${got}`);
  }
  const modelPath = named.get(model) ?? path;
  named.delete(model);
  if (!isFolder && (await isFile(`${path}.data`))) named.set(`${model}.data`, `${path}.data`);
  for (const file of beside) named.set(basename(file), file);
  if (config !== undefined) named.set('config.json', config);
  await checkConfig(named.get('config.json'));
  named.set(/\.gz$/i.test(model) ? 'model.onnx.gz' : 'model.onnx', modelPath);
  return Promise.all([...named].map(async ([name, file]) => ({ name, path: file, bytes: await sizeOf(file) })));
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${file}: ${errorText(cause)}`, { cause });
  }
}

async function checkConfig(file: string | undefined): Promise<void> {
  if (file === undefined) return;
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is something else');
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read ${file}: it must be a JSON object (${errorText(cause)})`, {
      cause,
    });
  }
}

/**
 * Keeps a version. The model itself goes last, so that nobody finds it without what belongs to it; what the version had
 * before and has no more is removed.
 */
export async function putModel(
  { store, upload }: Repository,
  { name, version }: { readonly name: string; readonly version: string },
  files: readonly ModelFile[],
  options: UploadOptions,
): Promise<void> {
  const prefix = `${name}/${version}/`;
  const inOrder = files.toSorted((a, b) => Number(MODEL_FILE.test(a.name)) - Number(MODEL_FILE.test(b.name)));
  for (const file of inOrder) await upload(prefix + file.name, file.path, options);
  const kept = new Set(files.map((file) => prefix + file.name));
  const stale: string[] = [];
  for await (const { key } of store.list(prefix)) if (!kept.has(key)) stale.push(key);
  if (stale.length > 0) await store.delete(stale);
}
