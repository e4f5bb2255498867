import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Validators } from './source.ts';

/** A file that was taken into the cache. */
export interface CachedFile {
  readonly path: string;
  /** SHA-256 of the unpacked content, in hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Where a location's content lies and what its source said of it. */
interface Remembered {
  readonly sha256: string;
  readonly validators: Validators;
}

/** Files on disk by the hash of their content. Each is written under a temporary name and renamed: none is half there. */
export interface ModelCache {
  /** The content that a location had the last time, if it is still here. */
  recall(location: string): Promise<{ file: CachedFile; validators: Validators } | undefined>;
  /** The content with this hash, if it is here. */
  find(sha256: string): Promise<CachedFile | undefined>;
  /**
   * Takes a stream into the cache.
   *
   * @throws BoxError `too_large` beyond the bound, packed or unpacked; `unprocessable` for broken gzip.
   */
  keep(location: string, body: Readable, packed: boolean, validators: Validators): Promise<CachedFile>;
}

export interface ModelCacheOptions {
  readonly folder: string;
  /** The largest file taken, unpacked. */
  readonly maxFileBytes: number;
  /** What all files together may take; the ones used longest ago go first. */
  readonly maxBytes: number;
}

/** Opens the cache in a folder, which is made when it is not there. */
export async function openModelCache(options: ModelCacheOptions): Promise<ModelCache> {
  const files = join(options.folder, 'content');
  const notes = join(options.folder, 'locations');
  const folders = join(options.folder, 'folders');
  for (const folder of [files, notes, folders]) {
    await mkdir(folder, { recursive: true });
    await removeLeftovers(folder);
  }
  const notePath = (location: string) => join(notes, `${sha256Of(location)}.json`);
  const find = async (sha256: string): Promise<CachedFile | undefined> => {
    const path = join(files, `${sha256}.onnx`);
    const found = await stat(path).catch(absent);
    if (found === undefined) return undefined;
    await utimes(path, new Date(), found.mtime).catch(absent);
    return { path, sha256, bytes: found.size };
  };
  return {
    find,
    async recall(location) {
      const note = await readNote(notePath(location));
      const file = note && (await find(note.sha256));
      return note && file && { file, validators: note.validators };
    },
    async keep(location, body, packed, validators) {
      const temporary = join(files, `.${crypto.randomUUID()}.part`);
      try {
        const { sha256, bytes } = await write(body, packed, temporary, options.maxFileBytes);
        const path = join(files, `${sha256}.onnx`);
        await rename(temporary, path);
        await writeNote(notePath(location), { sha256, validators });
        if (await trim(files, path, options.maxBytes)) await trimFolders(folders);
        return { path, sha256, bytes };
      } finally {
        await rm(temporary, { force: true });
      }
    },
  };
}

/** Without it a file may have its name and not its content when the power fails, and would be believed for good. */
const FLUSHED = { flush: true };
/** No file takes longer to fetch; another process may be at a younger one. */
const LEFTOVER_MS = 3_600_000;

/** Removes what a process that ended on the way has left half there. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.part')) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(absent);
    if (found && Date.now() - found.mtimeMs > LEFTOVER_MS) await rm(path, { recursive: true, force: true });
  }
}

async function write(
  body: Readable,
  packed: boolean,
  path: string,
  maxBytes: number,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      if (bytes > maxBytes) done(tooLarge(maxBytes));
      else done(null, chunk);
    },
  });
  try {
    if (packed) await pipeline(body, createGunzip(), measure, createWriteStream(path, FLUSHED));
    else await pipeline(body, measure, createWriteStream(path, FLUSHED));
  } catch (error) {
    throw writeError(error);
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** The error of a file that is larger than may be taken. */
export function tooLarge(maxBytes: number): BoxError {
  return new BoxError('too_large', `Cannot fetch model: at most ${maxBytes} bytes are taken, unpacked, got more`);
}

function writeError(error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('Z_')) {
    return new BoxError('unprocessable', `Cannot fetch model: a location that ends in .gz must be gzip (${code})`);
  }
  if (code === 'ENOSPC') return new BoxError('storage_full', 'Cannot keep model: the disk of the cache is full');
  return new BoxError('unavailable', `Cannot fetch model: the transfer broke off: ${errorText(error)}`, {
    cause: error,
  });
}

/** Removes the files used longest ago until the rest fits; true when there were some. */
async function trim(folder: string, fresh: string, maxBytes: number): Promise<boolean> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.onnx'));
  const found = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), stats: await stat(join(folder, name)).catch(absent) })),
  );
  const files = found.flatMap(({ path, stats }) => (stats ? [{ path, bytes: stats.size, usedMs: stats.atimeMs }] : []));
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let removed = false;
  for (const file of files.toSorted((a, b) => a.usedMs - b.usedMs)) {
    if (total <= maxBytes) break;
    if (file.path === fresh) continue;
    await rm(file.path, { force: true });
    total -= file.bytes;
    removed = true;
  }
  return removed;
}

/** Removes the folders of models with other files beside them of which one is no longer in the cache: it would stay on disk. */
async function trimFolders(folders: string): Promise<void> {
  for (const name of await readdir(folders)) {
    const folder = join(folders, name);
    const found = name.endsWith('.part') ? [] : await readdir(folder, { recursive: true }).catch(absent);
    for (const file of found ?? []) {
      const stats = await stat(join(folder, file)).catch(absent);
      if (!stats?.isFile() || stats.nlink > 1) continue;
      await rm(folder, { recursive: true, force: true });
      break;
    }
  }
}

async function readNote(path: string): Promise<Remembered | undefined> {
  const text = await readFile(path, 'utf8').catch(absent);
  if (text === undefined) return undefined;
  const note = parsed(text);
  if (typeof note !== 'object' || note === null || !('sha256' in note) || typeof note.sha256 !== 'string')
    return undefined;
  const validators = 'validators' in note && typeof note.validators === 'object' ? (note.validators ?? {}) : {};
  return { sha256: note.sha256, validators };
}

/** Undefined for what is no JSON: a note that was cut off is none. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function writeNote(path: string, note: Remembered): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}.part`;
  await writeFile(temporary, JSON.stringify(note), FLUSHED);
  await rename(temporary, path);
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A file that is not there is no error here; every other is. */
function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
