import { createHash } from 'node:crypto';
import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CachedFile } from './model-cache.ts';
import type { FetchedModel } from './source.ts';

/**
 * A folder with the model and its other files under the names that the model calls them by, as ONNX Runtime looks for
 * them. Hard links into the cache: nothing is copied, and a file that the cache drops stays while the folder has it.
 */
export async function openModelFolder(
  model: CachedFile,
  beside: readonly { readonly name: string; readonly file: CachedFile }[],
): Promise<FetchedModel> {
  const all = [{ name: 'model.onnx', file: model }, ...beside];
  const hash = createHash('sha256')
    .update(JSON.stringify(all.map(({ name, file }) => [name, file.sha256])))
    .digest('hex');
  const folder = join(dirname(dirname(model.path)), 'folders', hash);
  const fetched = {
    path: join(folder, 'model.onnx'),
    hash,
    sha256: model.sha256,
    bytes: all.reduce((sum, { file }) => sum + file.bytes, 0),
  };
  if (await exists(fetched.path)) return fetched;
  const temporary = `${folder}.${crypto.randomUUID()}.part`;
  try {
    for (const { name, file } of all) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await link(file.path, join(temporary, name));
    }
    await rename(temporary, folder).catch(async (error: unknown) => {
      // Another fetch of the same model was first.
      if (!(await exists(fetched.path))) throw error;
    });
    return fetched;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
