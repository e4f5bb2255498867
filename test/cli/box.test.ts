import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { BOX, runBox } from './run-box.ts';

describe('box', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-test-cli-'));
    await mkdir(join(folder, '.box'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const keep = (env: string) => writeFile(join(folder, '.box', 'env.json'), env);

  it('says what is wrong with an address, or with the file of addresses', async () => {
    const odd = await runBox(folder, { BOX_GATEWAY: 'board', BOX_API_KEY: 'key' }, 'scenario', 'list');
    assert.deepEqual([odd.status, odd.stdout], [2, '']);
    assert.match(odd.stderr, /^box: Cannot use BOX_GATEWAY: it must be a URL of scheme http or https, got board\n$/);
    await keep('{');
    const { status, stderr } = await runBox(folder, {}, 'scenario', 'list');
    assert.equal(status, 2);
    assert.match(stderr, /env\.json: it must be a JSON object of text\n$/);
  });

  it('ends without a word when its reader has enough', async () => {
    await keep(JSON.stringify({ BOX_GATEWAY: 'http://127.0.0.1:8080' }));
    const child = spawn(process.execPath, [BOX, 'env'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.deepEqual([status, stderr], [0, '']);
  });
});
