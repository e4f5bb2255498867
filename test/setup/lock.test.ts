import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryLock, withLock } from '../../setup/lock.mjs';

const LOCK_MODULE = new URL('../../setup/lock.mjs', import.meta.url).href;

describe('withLock', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-lock-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('lets one in at a time', async () => {
    const path = join(folder, 'lock');
    const seen: string[] = [];
    const enter = (name: string) =>
      withLock(path, async () => {
        seen.push(`${name} in`);
        await new Promise(setImmediate);
        seen.push(`${name} out`);
      });
    await Promise.all([enter('a'), enter('b'), enter('c')]);
    for (let i = 0; i < seen.length; i += 2) assert.equal(seen[i]?.replace('in', 'out'), seen[i + 1]);
  });

  it('gives the result of the work, and is free after work that threw', async () => {
    const path = join(folder, 'lock');
    await assert.rejects(
      withLock(path, () => {
        throw new Error('broken');
      }),
      /broken/,
    );
    assert.equal(await withLock(path, () => 7), 7);
  });

  it('is free once the process that held it was killed', async () => {
    const path = join(folder, 'lock');
    const script = `
      import { tryLock, withLock } from ${JSON.stringify(LOCK_MODULE)};
      await withLock(${JSON.stringify(path)}, () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1000)); });`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    holder.kill('SIGKILL');
    assert.equal(await withLock(path, () => 'mine'), 'mine');
  });

  it('tryLock gives up at once while another holds it', async () => {
    const path = join(folder, 'lock');
    const release = await tryLock(path);
    assert(release !== undefined);
    assert.equal(await tryLock(path), undefined);
    await release();
    await (await tryLock(path))?.();
  });
});
