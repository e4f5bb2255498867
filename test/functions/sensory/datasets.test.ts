import assert from 'node:assert/strict';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openLog } from '#lib/log/log.ts';
import { openDatasets } from '../../../functions/sensory/datasets.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';

describe('openDatasets', () => {
  let bucket: TestBucket;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
  });

  after(() => bucket.close());

  it('lists anew for who asks, also while a listing that began before is under way', async () => {
    const dataset = { name: uniqueName('set'), width: 8, height: 8 };
    const data = `${dataset.name}_8x8/data/`;
    const passed = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const store: BlobStore = {
      ...bucket.store,
      async *list(prefix, options) {
        yield* bucket.store.list(prefix, options);
        if (prefix !== data) return;
        passed.resolve();
        await goOn.promise;
      },
    };
    const datasets = openDatasets({
      store,
      log: openLog('test', 'fatal'),
      defaultDataset: dataset,
      listSeconds: 3600,
      observe: () => undefined,
    });
    const earlier = datasets.reconcile(dataset);
    await passed.promise;
    await bucket.store.put(`${data}a/1.txt`, Buffer.from('x'));
    const asked = datasets.reconcile(dataset);
    goOn.resolve();
    await Promise.all([earlier, asked]);
    assert.equal((await (await datasets.open(dataset)).snapshot()).samples.length, 1);
    await datasets.close();
  });
});
