import assert from 'node:assert/strict';
import { removeFiles } from '../../../../functions/sensory/order/file-order.ts';
import { openOrderStore } from '../../../../functions/sensory/order/order-store.ts';
import { openTestDatabase, type TestDatabase } from '../../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';

describe('sweep of orders', () => {
  let database: TestDatabase;
  let bucket: TestBucket;

  before(async () => {
    database = await openTestDatabase();
    bucket = await openTestBucket(S3_SERVERS.MinIO);
  });

  after(async () => {
    await database.close();
    await bucket.close();
  });

  it('removes the files of an old order with it, also where nobody uses its dataset any more', async () => {
    const orders = openOrderStore(database);
    const spec = { split: 'all', ratios: [1, 0, 0], seed: '0', balance: false, recipe: {}, mix: 0 } as const;
    const files = { format: 'npy', spec, epochSize: 1 } as const;
    for (const [id, createdAt] of [
      ['old', '2020-01-01T00:00:00Z'],
      ['young', new Date().toISOString()],
    ] as const) {
      await orders.create({ id, dataset: 'once_8x8', seq: 1, size: 1, noise: 0, shards: [], createdAt, files });
      await bucket.store.put(`once_8x8/box/order/${id}/shard.00000.npy`, Buffer.from(id));
    }
    assert.equal(await orders.sweep(Date.now() - 86_400_000, (order) => removeFiles(bucket.store, order)), 1);
    assert.equal(await orders.get('old'), undefined);
    assert.ok(await orders.get('young'));
    const keys: string[] = [];
    for await (const { key } of bucket.store.list('once_8x8/')) keys.push(key);
    assert.deepEqual(keys, ['once_8x8/box/order/young/shard.00000.npy']);
    orders.close();
  });
});
