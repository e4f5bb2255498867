import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type ModelCache, openModelCache } from '../../../functions/inference/model/source/model-cache.ts';
import { openModelFolder } from '../../../functions/inference/model/source/model-folder.ts';
import { temporaryFolder } from '../../support/servers.ts';

const keep = (cache: ModelCache, name: string, bytes: number) =>
  cache.keep(name, Readable.from([Buffer.alloc(bytes, name)]), false, { etag: name });

describe('openModelCache', () => {
  it('gives the disk back that a model with other files beside it took, once one of them was dropped', async () => {
    const folder = await temporaryFolder('cache');
    const cache = await openModelCache({ folder, maxFileBytes: 1000, maxBytes: 1000 });
    const [model, beside] = [await keep(cache, 'a', 300), await keep(cache, 'b', 300)];
    const { path } = await openModelFolder(model, [{ name: 'deep/b.weights', file: beside }]);
    assert.equal((await readFile(path)).length, 300);
    await keep(cache, 'c', 300);
    assert.equal((await readFile(path)).length, 300);
    await keep(cache, 'd', 300);
    assert.deepEqual(await readdir(join(folder, 'folders')), []);
    assert.equal((await readdir(join(folder, 'content'))).length, 3);
  });

  it('fetches again what it has only a broken note of', async () => {
    const folder = await temporaryFolder('cache');
    const cache = await openModelCache({ folder, maxFileBytes: 1000, maxBytes: 1000 });
    await keep(cache, 'a', 3);
    assert.equal((await cache.recall('a'))?.validators.etag, 'a');
    const [note = ''] = await readdir(join(folder, 'locations'));
    await writeFile(join(folder, 'locations', note), '');
    assert.equal(await cache.recall('a'), undefined);
  });

  it('removes what a process left half there, and nothing that another may be at', async () => {
    const folder = await temporaryFolder('cache');
    const content = join(folder, 'content');
    await mkdir(content, { recursive: true });
    for (const name of ['.old.part', '.new.part']) await writeFile(join(content, name), 'half');
    await utimes(join(content, '.old.part'), 0, 0);
    await openModelCache({ folder, maxFileBytes: 1000, maxBytes: 1000 });
    assert.deepEqual(await readdir(content), ['.new.part']);
  });
});
