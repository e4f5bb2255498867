import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cachedServer, findServer } from '../../setup/find-server.ts';

describe('findServer', () => {
  let folder: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-find-'));
    env = { PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache') };
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function executable(path: string, version: string): Promise<string> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\necho nats-server: v${version}\n`);
    await chmod(path, 0o755);
    return path;
  }

  it('takes the one on PATH when its version suffices', async () => {
    const onPath = await executable(join(folder, 'bin', 'nats-server'), '2.12.0');
    assert.equal(await findServer('nats-server', env), onPath);
  });

  it('compares versions as numbers: 2.9 is older than 2.12', async () => {
    await executable(join(folder, 'bin', 'nats-server'), '2.9.10');
    assert.equal(await findServer('nats-server', env), undefined);
  });

  it('takes the one in the cache when that on PATH is too old', async () => {
    await executable(join(folder, 'bin', 'nats-server'), '2.9.10');
    const cached = await executable(cachedServer('nats-server', env), '2.15.2');
    assert.equal(await findServer('nats-server', env), cached);
  });

  it('takes no file that cannot be executed', async () => {
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin', 'minio'), '');
    assert.equal(await findServer('minio', env), undefined);
  });
});
