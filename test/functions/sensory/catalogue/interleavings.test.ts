import assert from 'node:assert/strict';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../../../../functions/sensory/catalogue/catalogue.ts';
import { reconcile } from '../../../../functions/sensory/catalogue/reconcile.ts';
import type { Sample } from '../../../../functions/sensory/catalogue/sample.ts';
import { sweepCatalogue } from '../../../../functions/sensory/catalogue/sweep.ts';
import type { DatasetName } from '../../../../functions/sensory/names.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';
import { uniqueName } from '../../../support/servers.ts';

const log = openLog('test', 'fatal');
const DAY_MS = 24 * 60 * 60 * 1000;

function sample(path: string, etag = 'e'): Sample {
  const category = path.slice(0, path.indexOf('/'));
  return { path, category, size: 3, etag, modifiedMs: 0, id: '' };
}

describe('catalogue, what happens in between', () => {
  let bucket: TestBucket;
  let dataset: DatasetName;
  let one: Catalogue;
  let other: Catalogue;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
  });

  beforeEach(() => {
    dataset = { name: uniqueName('set'), width: 8, height: 8 };
    one = openCatalogue(bucket.store, dataset, log);
    other = openCatalogue(bucket.store, dataset, log);
  });

  after(() => bucket.close());

  const paths = async (catalogue: Catalogue) => (await catalogue.snapshot()).samples.map(({ path }) => path);

  async function put(path: string, metadata: Record<string, string> = {}): Promise<Sample> {
    const { etag } = await bucket.store.put(`${one.places.data}${path}`, Buffer.from(path), { metadata });
    return sample(path, etag);
  }

  /** The bucket, doing something the moment a listing of the data ends. */
  function afterListing(act: () => Promise<unknown>): BlobStore {
    return {
      ...bucket.store,
      async *list(prefix, options) {
        yield* bucket.store.list(prefix, options);
        if (prefix === one.places.data) await act();
      },
    };
  }

  it('has a sample once that two processes told of before a third one looked', async () => {
    await one.change({ removed: [], added: [sample('a/1.png')] });
    const third = openCatalogue(bucket.store, dataset, log);
    assert.deepEqual(await paths(third), ['a/1.png']);
    const seq = (await third.snapshot()).seq;
    await one.change({ removed: [], added: [sample('a/2.png')] });
    await other.change({ removed: [], added: [sample('a/2.png'), sample('a/3.png')] });
    while ((await third.snapshot()).seq < seq + 2);
    assert.deepEqual(await paths(third), ['a/1.png', 'a/2.png', 'a/3.png']);
    assert.deepEqual(await paths(openCatalogue(bucket.store, dataset, log)), await paths(third));
  });

  it('does not bring back a sample that was removed while a listing ran', async () => {
    await one.change({ removed: [], added: [await put('a/1.png'), await put('a/2.png')] });
    const remove = () => one.change({ removed: ['a/1.png'], added: [] });
    await reconcile(afterListing(remove), one);
    assert.deepEqual(await paths(one), ['a/2.png']);
  });

  it('has a sample once, under its new label, that was relabelled while a listing ran', async () => {
    await one.change({ removed: [], added: [await put('a/1.png')] });
    const moved = await put('b/1.png');
    await reconcile(
      afterListing(() => one.change({ removed: ['a/1.png'], added: [moved] })),
      one,
    );
    assert.deepEqual(await paths(one), ['b/1.png']);
  });

  it('goes on listing past an object of another tool whose metadata are no facts', async () => {
    const file = `2026-01-01_00_00_00_000000_${'0'.repeat(64)}.png`;
    await put(`a/${file}`, { source: 'x'.repeat(501), group: 'g' });
    await put('a/2.png');
    await reconcile(bucket.store, one);
    const { samples } = await one.snapshot();
    assert.deepEqual(
      samples.map(({ path, facts }) => [path, facts]),
      [
        ['a/2.png', undefined],
        [`a/${file}`, { group: 'g' }],
      ],
    );
  });

  it('makes the catalogue of many samples again with all that is known of them', async () => {
    const files = Array.from({ length: 1100 }, (_, i) => `a/x_${String(i).padStart(64, '0')}.png`);
    for (let at = 0; at < files.length; at += 50) {
      await Promise.all(files.slice(at, at + 50).map((path) => put(path, { group: 'g' })));
    }
    await reconcile(bucket.store, one);
    const { samples } = await one.snapshot();
    assert.equal(samples.filter(({ facts }) => facts?.group === 'g').length, files.length);
  });

  it('keeps a state for 30 days from the last time that somebody began with it', async () => {
    one = openCatalogue(bucket.store, dataset, log, 0);
    await one.change({ removed: [], added: [sample('a/1.png')] });
    const snapshot = await one.snapshot();
    await one.pin(snapshot);
    await sweepCatalogue(bucket.store, one.places, Date.now() + 31 * DAY_MS);
    await one.pin(snapshot);
    for (let i = 0; i < 25; i++) await one.change({ removed: [], added: [sample(`b/${i}.png`)] });
    await sweepCatalogue(bucket.store, one.places, Date.now() + DAY_MS);
    assert.deepEqual((await openCatalogue(bucket.store, dataset, log).at(snapshot.seq)).samples, snapshot.samples);
  });

  it('keeps what was deleted for 30 days, and no longer', async () => {
    const key = `${one.places.deleted}id/a/1.png`;
    await bucket.store.put(key, Buffer.from('x'));
    await sweepCatalogue(bucket.store, one.places, Date.now() + 29 * DAY_MS);
    assert.ok(await bucket.store.head(key));
    await sweepCatalogue(bucket.store, one.places, Date.now() + 31 * DAY_MS);
    assert.equal(await bucket.store.head(key), undefined);
  });
});
