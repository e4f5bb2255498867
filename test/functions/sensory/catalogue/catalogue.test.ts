import assert from 'node:assert/strict';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../../../../functions/sensory/catalogue/catalogue.ts';
import { reconcile } from '../../../../functions/sensory/catalogue/reconcile.ts';
import type { Sample } from '../../../../functions/sensory/catalogue/sample.ts';
import type { Snapshot } from '../../../../functions/sensory/catalogue/snapshot.ts';
import { sweepCatalogue } from '../../../../functions/sensory/catalogue/sweep.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';
import { uniqueName } from '../../../support/servers.ts';

const log = openLog('test', 'fatal');

function sample(path: string, more: Partial<Sample> = {}): Sample {
  const category = path.slice(0, path.indexOf('/'));
  return { path, category, size: 3, etag: 'e', modifiedMs: 0, id: '', ...more };
}

const paths = (snapshot: Snapshot) => snapshot.samples.map(({ path }) => path);

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`catalogue on ${name}`, () => {
    let bucket: TestBucket;
    let dataset: { name: string; width: number; height: number };
    let one: Catalogue;
    let other: Catalogue;

    before(async () => {
      bucket = await openTestBucket(start);
    });

    beforeEach(() => {
      dataset = { name: uniqueName('set'), width: 8, height: 8 };
      one = openCatalogue(bucket.store, dataset, log);
      other = openCatalogue(bucket.store, dataset, log);
    });

    after(() => bucket.close());

    async function put(path: string, bytes = path): Promise<void> {
      await bucket.store.put(`${one.places.data}${path}`, Buffer.from(bytes));
    }

    it('is empty where nothing is', async () => {
      const snapshot = await one.snapshot();
      assert.deepEqual([snapshot.seq, snapshot.samples.length, snapshot.categories().size], [0, 0, 0]);
    });

    it('shows a sample at once to who added it, within a second to others', async () => {
      await other.snapshot();
      one.add(sample('a/1.png'), Buffer.from('x'));
      assert.deepEqual(paths(await one.snapshot()), ['a/1.png']);
      const committedMs = Date.now();
      // What counts is when it is asked: the answer itself may take any time.
      for (let askedMs = committedMs; paths(await other.snapshot()).length === 0; askedMs = Date.now()) {
        assert.ok(askedMs - committedMs < 1000, `asked after ${askedMs - committedMs} ms`);
      }
    });

    it('loses nothing when several processes add at once, and both see the same order', async () => {
      for (let round = 0; round < 30; round++) {
        await Promise.all([
          one.change({ removed: [], added: [sample(`one/${round}.png`)] }),
          other.change({ removed: [], added: [sample(`other/${round}.png`)] }),
        ]);
      }
      const third = openCatalogue(bucket.store, dataset, log);
      const snapshot = await third.snapshot();
      assert.equal(new Set(paths(snapshot)).size, 60);
      assert.ok(snapshot.manifest.segments.length < 24, 'small segments are merged');
      assert.deepEqual(paths(await one.at(snapshot.seq)), paths(snapshot));
      assert.deepEqual(paths(await other.at(snapshot.seq)), paths(snapshot));
    });

    it('gives an earlier state as it was', async () => {
      await one.change({ removed: [], added: [sample('a/1.png'), sample('b/1.png')] });
      const before = await one.snapshot();
      await one.change({ removed: ['a/1.png'], added: [sample('c/1.png')] });
      assert.deepEqual(paths(await one.snapshot()), ['b/1.png', 'c/1.png']);
      assert.deepEqual(paths(await other.at(before.seq)), ['a/1.png', 'b/1.png']);
      assert.deepEqual(
        [...(await other.at(before.seq)).categories()],
        [
          ['a', 0],
          ['b', 1],
        ],
      );
    });

    it('finds what was copied in, changed and deleted by others', async () => {
      await Promise.all(['a/1.png', 'a/2.png', 'b/3.png', 'b/deep/no.png'].map((path) => put(path)));
      assert.deepEqual(await reconcile(bucket.store, one), { listed: 3, added: 3, removed: 0 });
      const before = await one.snapshot();
      assert.deepEqual(paths(before).toSorted(), ['a/1.png', 'a/2.png', 'b/3.png']);
      await put('a/1.png', 'other bytes');
      await bucket.store.delete([`${one.places.data}b/3.png`]);
      await put('c/4.png');
      assert.deepEqual(await reconcile(bucket.store, one), { listed: 3, added: 2, removed: 1 });
      const after = await one.snapshot();
      assert.deepEqual(paths(after).toSorted(), ['a/1.png', 'a/2.png', 'c/4.png']);
      assert.equal((await reconcile(bucket.store, one)).added, 0);
      assert.equal((await one.snapshot()).seq, after.seq, 'nothing new makes no new state');
    });

    it('does not take a sample that is stored during a listing for missing', async () => {
      await put('a/1.png');
      const listing = reconcile(bucket.store, one);
      const { etag } = await bucket.store.put(`${one.places.data}a/0.png`, Buffer.from('x'));
      one.add(sample('a/0.png', { etag }), Buffer.from('x'));
      await listing;
      await reconcile(bucket.store, one);
      assert.deepEqual(paths(await one.snapshot()).toSorted(), ['a/0.png', 'a/1.png']);
    });

    it('sweeps what no state names any more, never what is young or pinned', async () => {
      for (let round = 0; round < 60; round++) {
        await one.change({ removed: [], added: [sample(`a/${round}.png`)] });
        if (round === 3) await one.pin(await one.snapshot());
      }
      const last = await one.snapshot();
      assert.equal(await sweepCatalogue(bucket.store, one.places), 0);
      const later = Date.now() + 2 * 60 * 60 * 1000;
      const swept = await sweepCatalogue(bucket.store, one.places, later);
      assert.ok(swept > 40, `${swept}`);
      const fresh = openCatalogue(bucket.store, dataset, log);
      assert.deepEqual(paths(await fresh.snapshot()), paths(last));
      assert.equal((await fresh.at(4)).samples.length, 4);
      await assert.rejects(fresh.at(6), { code: 'not_found' });
    });
  });
}
