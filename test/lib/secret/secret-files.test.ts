import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';

describe('openSecretFiles', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-secrets-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('reads a secret without the line end that editors leave', async () => {
    await writeFile(join(folder, 'a-key'), 'abc\n');
    assert.equal(await openSecretFiles(folder).read('a-key'), 'abc');
  });

  it('says which secret is missing or empty', async () => {
    await writeFile(join(folder, 'empty'), '\n');
    const secrets = openSecretFiles(folder);
    for (const name of ['nothing', 'empty']) {
      await assert.rejects(
        secrets.read(name),
        (error: unknown) => error instanceof BoxError && error.code === 'unavailable' && error.message.includes(name),
      );
    }
  });
});
