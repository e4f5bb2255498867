import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { ModelSource } from './source.ts';

/** Models from files below one folder: paths relative to it, absolute paths inside of it, `file://` URLs. */
export function openFileSource(root: string | undefined): ModelSource {
  return {
    async open(location, known) {
      const path = await insideOf(root, location);
      // Opened before it is looked at, so that what is read is what was checked.
      const file = await open(path, 'r').catch((cause: unknown) => {
        throw missing(location, cause);
      });
      try {
        const { mtimeMs, size, ino } = await file.stat();
        if (!(await file.stat()).isFile()) throw missing(location, new Error('it is not a file'));
        const etag = `${ino}-${size}-${mtimeMs}`;
        if (known?.etag === etag) {
          await file.close();
          return 'unchanged';
        }
        return { body: file.createReadStream(), bytes: size, validators: { etag } };
      } catch (error) {
        await file.close();
        throw error;
      }
    },
  };
}

async function insideOf(root: string | undefined, location: string): Promise<string> {
  if (root === undefined) {
    const rule = 'MODEL_ROOT must be set to the folder that models may be read from';
    throw new BoxError('permission_denied', `Cannot fetch model from a file: ${rule}, got ${JSON.stringify(location)}`);
  }
  const realRoot = await realpath(root).catch((cause: unknown) => {
    throw new BoxError('unavailable', `Cannot fetch model from a file: MODEL_ROOT is not there: ${errorText(cause)}`);
  });
  const path = resolve(realRoot, location.startsWith('file:') ? pathOfUrl(location) : location);
  if (!isInside(realRoot, path) && !isInside(resolve(root), path)) throw outside(location);
  const real = await realpath(path).catch((cause: unknown) => {
    throw missing(location, cause);
  });
  if (!isInside(realRoot, real)) throw outside(location);
  return real;
}

function pathOfUrl(location: string): string {
  try {
    return fileURLToPath(location);
  } catch (cause) {
    throw new BoxError('unprocessable', `Cannot fetch model: a file URL is file:///path, got ${location}`, { cause });
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function outside(location: string): BoxError {
  const rule = 'its path must lie in MODEL_ROOT, links followed';
  return new BoxError('permission_denied', `Cannot fetch model: ${rule}, got ${JSON.stringify(location)}`);
}

function missing(location: string, cause: unknown): BoxError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : errorText(cause);
  const text = `Cannot fetch model: there is no readable file ${JSON.stringify(location)} in MODEL_ROOT (${code})`;
  return new BoxError('not_found', text, { cause });
}
