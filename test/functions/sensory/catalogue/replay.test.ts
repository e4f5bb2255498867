import assert from 'node:assert/strict';
import { placesOf } from '../../../../functions/sensory/catalogue/manifest.ts';
import { openReplay } from '../../../../functions/sensory/catalogue/replay.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';

const SAMPLES = 6_000;

/** A state whose one segment took the place of those of all states before. */
function state(seq: number) {
  return { seq, segments: [{ file: `${seq}.seg`, added: SAMPLES, removed: 0 }], shards: [] };
}

function segment(seq: number) {
  const added = Array.from({ length: SAMPLES }, (_, i) => ({
    path: `a/${seq}-${i}.png`,
    category: 'a',
    size: 3,
    etag: 'e',
    modifiedMs: 0,
    id: '',
  }));
  return { removed: [], added };
}

describe('openReplay', () => {
  let bucket: TestBucket;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
  });

  after(() => bucket.close());

  it('keeps what the newest state is made of and a little of older ones, and lets go of the rest', async () => {
    // Nothing is in the bucket: what is not in memory cannot be read.
    const replay = openReplay(bucket.store, placesOf({ name: 'set', width: 8, height: 8 }));
    for (let seq = 1; seq <= 8; seq++) {
      replay.know(`${seq}.seg`, segment(seq));
      assert.equal((await replay.snapshot(state(seq))).samples.length, SAMPLES);
    }
    for (const seq of [8, 7, 6, 5])
      assert.equal((await replay.snapshot(state(seq))).samples[0]?.path, `a/${seq}-0.png`);
    for (const seq of [4, 1]) await assert.rejects(replay.snapshot(state(seq)), { code: 'not_found' });
  });
});
