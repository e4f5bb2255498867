import assert from 'node:assert/strict';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../../../functions/sensory/catalogue/catalogue.ts';
import { reconcile } from '../../../functions/sensory/catalogue/reconcile.ts';
import { keepSample } from '../../../functions/sensory/keep-sample.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';

describe('keepSample', () => {
  let bucket: TestBucket;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
  });

  after(() => bucket.close());

  it('keeps what is given again once, also where the process ended before its catalogue had it', async () => {
    const dataset = { name: uniqueName('set'), width: 8, height: 8 };
    const open = () => openCatalogue(bucket.store, dataset, openLog('test', 'fatal'));
    const parts = { store: bucket.store, maxImagePixels: 1, stored: () => undefined };
    const given = {
      category: 'unlabelled',
      bytes: Buffer.from('a signal'),
      contentType: 'text/plain',
      duplicates: 'link',
      facts: { source: 'camera' },
      at: new Date('2026-11-22T08:00:00.123Z'),
    } as const;
    /** Its process ends before it has told anybody. */
    const lost: Catalogue = { ...open(), add: () => undefined };
    await keepSample(parts, lost, given);
    const next = open();
    await keepSample(parts, next, given);
    await reconcile(bucket.store, next);
    const { samples } = await next.snapshot();
    assert.equal(samples.length, 1);
    assert.match(samples[0]?.path ?? '', /^unlabelled\/2026-11-22_08_00_00_123000_[0-9a-f]{64}\.txt$/);
  });
});
