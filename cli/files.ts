import { readdir, rename, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';

const TYPE_OF: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.txt': 'text/plain',
  '.csv': 'text/csv',
  '.npy': 'application/x-npy',
  '.wav': 'audio/wav',
  '.flac': 'audio/flac',
};

/** The content type of a file by its name. */
export function contentTypeOf(file: string): string {
  return TYPE_OF[extname(file).toLowerCase()] ?? 'application/octet-stream';
}

/** A file itself, or every file below a folder but hidden ones, sorted. */
export async function filesBelow(verb: string, path: string): Promise<string[]> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new BoxError('invalid_argument', `Cannot ${verb} ${path}: there is no such file or folder`, { cause });
  });
  if (!info.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Writes a file that stands under its name only when it is whole. */
export async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  await writeFile(`${file}.part`, bytes);
  await rename(`${file}.part`, file);
}

/** Whether an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
