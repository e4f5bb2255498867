import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { digitPng } from '../functions/sensory/digits.ts';
import { API_KEY, type SensoryProcess } from '../functions/sensory/sensory-process.ts';
import { startSensoryWithCourier } from '../functions/sensory/sensory-with-courier.ts';
import { openTestBucket, type TestBucket } from '../support/s3-bucket.ts';
import { sharedMinio } from '../support/servers.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';

const CLIENT = resolve(import.meta.dirname, '..', '..', 'clients', 'python');
const COUNT = 120;

describe('the Python client, with the standard library alone', () => {
  it('passes its own tests', async () => {
    await unittest('tests', {});
  });

  describe('against the function', () => {
    let bucket: TestBucket;
    let sensory: SensoryProcess;
    let proxy: CuttingProxy;

    before(async () => {
      bucket = await openTestBucket(sharedMinio);
      const put = (n: number) => bucket.store.put(`digits_8x8/data/${n % 3}/${n}.png`, digitPng(n));
      await Promise.all(Array.from({ length: COUNT }, (_, n) => put(n)));
      sensory = await startSensoryWithCourier(bucket);
      // Some batches of sixteen get through, then comes a cut in the middle of one.
      proxy = await startCuttingProxy(sensory.port, 7000);
    });

    after(async () => {
      await proxy?.close();
      await sensory?.stop();
      await bucket?.close();
    });

    it('streams, goes on from cursors and through cut connections, splits among workers, fetches orders', async () => {
      await unittest('tests/live', {
        BOX_SENSORY_URL: sensory.url,
        BOX_CUT_URL: proxy.url,
        BOX_API_KEY: API_KEY,
        BOX_DATASET: 'digits_8x8',
      });
      assert.ok(proxy.cuts > 3, `${proxy.cuts} connections were cut`);
    });
  });
});

/** Runs tests of a folder; fails with all that Python said. */
async function unittest(folder: string, env: Record<string, string>): Promise<void> {
  const environment = { PATH: process.env.PATH, PYTHONPATH: join(CLIENT, 'src'), PYTHONDONTWRITEBYTECODE: '1', ...env };
  const said = await new Promise<string>((done, failed) => {
    execFile(
      'python3',
      ['-m', 'unittest', 'discover', '-s', folder],
      { cwd: CLIENT, env: environment },
      (error, out, err) => (error ? failed(new Error(`${error.message}\n${out}${err}`)) : done(err)),
    );
  });
  assert.match(said, /Ran [1-9]\d* tests?/);
}
