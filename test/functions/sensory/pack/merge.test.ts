import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from '../../../../functions/sensory/catalogue/catalogue.ts';
import type { Snapshot } from '../../../../functions/sensory/catalogue/snapshot.ts';
import { sweepCatalogue } from '../../../../functions/sensory/catalogue/sweep.ts';
import { drawBatch, drawOrder } from '../../../../functions/sensory/draw/batch.ts';
import { seedOf } from '../../../../functions/sensory/draw/random.ts';
import { openEpochs } from '../../../../functions/sensory/feed/epoch.ts';
import { readFeedSpec } from '../../../../functions/sensory/feed/spec.ts';
import { mergeNext } from '../../../../functions/sensory/pack/merge.ts';
import { packNext } from '../../../../functions/sensory/pack/packer.ts';
import { openPixelSource } from '../../../../functions/sensory/pack/pixel-source.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';
import { uniqueName } from '../../../support/servers.ts';
import { assertWhole, EAGER, numberIn, openDigits, putDigits } from './packed-set.ts';

const FAN_IN = 8;
const PROCESS = fileURLToPath(new URL('merge-process.ts', import.meta.url));
const NEXT_HOURS = 2 * 60 * 60 * 1000;

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const files = ({ manifest }: Snapshot) => manifest.shards.map(({ file }) => file);

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`merging shards on ${name}`, function () {
    this.timeout(60_000);
    let bucket: TestBucket;
    let store: BlobStore;
    let dataset: string;
    let catalogue: Catalogue;

    before(async () => {
      bucket = await openTestBucket(start);
      store = bucket.store;
    });

    after(() => bucket.close());

    beforeEach(() => {
      dataset = uniqueName('set');
      catalogue = openDigits(store, dataset);
    });

    /** Shards of so many digits each, one after the other. */
    async function packed(shards: number, each: number): Promise<Snapshot> {
      for (let i = 0; i < shards; i++) {
        await putDigits(store, catalogue, range(i * each, (i + 1) * each));
        assert.equal(await packNext(store, catalogue, EAGER), each);
      }
      return catalogue.snapshot();
    }

    async function draws(snapshot: Snapshot): Promise<unknown> {
      const source = openPixelSource(store, { cacheBytes: 1 << 20, maxPixels: 1 << 20 });
      const draw = { catalogue, snapshot, size: 30, noise: 0.5, seed: seedOf('draw') };
      const epoch = openEpochs()(snapshot, dataset, readFeedSpec({ seed: 'x', split: 'train', balance: true }), 3);
      return {
        batch: await drawBatch(source, draw, drawOrder(draw), 0, 30),
        epoch: Array.from(epoch.order, (i) => epoch.split.samples[i]?.path),
      };
    }

    it('makes one of many without reading a sample, and leaves bytes, ids and draws what they were', async () => {
      const before = await packed(FAN_IN, 6);
      const drawn = await draws(before);
      const reads: string[] = [];
      const counting: BlobStore = {
        ...store,
        get(key, options) {
          reads.push(key);
          return store.get(key, options);
        },
      };
      assert.equal(await mergeNext(counting, catalogue, EAGER), FAN_IN);
      assert.deepEqual(
        reads.toSorted(),
        files(before)
          .map((file) => catalogue.places.shards + file)
          .toSorted(),
      );
      const after = await catalogue.snapshot();
      assert.equal(after.manifest.shards.length, 1);
      assert.equal(after.pictures().length, FAN_IN * 6);
      await assertWhole(store, catalogue, after);
      assert.deepEqual(await draws(after), drawn);
      const fresh = openDigits(store, dataset);
      await assertWhole(store, fresh, await fresh.snapshot());
      assert.equal(await mergeNext(store, catalogue, EAGER), 0);
    });

    it('leaves readers of an older state what they read, until nobody can ask for it any more', async () => {
      const before = await packed(FAN_IN, 2);
      await catalogue.pin(before);
      await mergeNext(store, catalogue, EAGER);
      await sweepCatalogue(store, catalogue.places, Date.now() + NEXT_HOURS);
      const other = openDigits(store, dataset);
      assert.deepEqual(files(await other.at(before.seq)), files(before));
      await assertWhole(store, other, await other.at(before.seq));
    });

    it('writes a sample once and once more for each tier, however slowly they trickle in', async () => {
      // 8^3 samples fill a shard: a single one is of tier 2.
      const limits = { ...EAGER, maxSamples: FAN_IN ** 3 };
      const written = new Map<string, number>();
      for (let n = 0; n < 72; n++) {
        await putDigits(store, catalogue, [n]);
        const before = new Set(files(await catalogue.snapshot()));
        await packNext(store, catalogue, limits);
        while ((await mergeNext(store, catalogue, limits)) > 0);
        const { samples, manifest, locate } = await catalogue.snapshot();
        for (const sample of samples) {
          const file = locate(sample)?.shard.file ?? assert.fail('it must be packed');
          if (!before.has(file)) written.set(sample.path, (written.get(sample.path) ?? 0) + 1);
        }
        assert.ok(manifest.shards.length <= 2 * (FAN_IN - 1) + n / 64, `${manifest.shards.length} shards of ${n}`);
      }
      assert.equal(written.size, 72);
      assert.ok(Math.max(...written.values()) <= 3, `${[...written.values()]}`);
      await assertWhole(store, catalogue, await catalogue.snapshot());
    });

    it('leaves large shards alone, whatever limit makes them large', async () => {
      await packed(FAN_IN + 1, 8);
      assert.equal(await mergeNext(store, catalogue, { ...EAGER, maxSamples: 63 }), 0);
      const [shard] = (await catalogue.snapshot()).manifest.shards;
      const bytes = (shard?.indexAt ?? 0) - (shard?.pixelsAt ?? 0);
      assert.equal(await mergeNext(store, catalogue, { ...EAGER, maxBytes: bytes * 7 }), 0);
    });

    it('keeps what has no pixels in shards of its own', async () => {
      await packed(FAN_IN - 1, 2);
      const key = `${catalogue.places.data}sound/s.wav`;
      const { etag } = await store.put(key, Buffer.from('RIFF'));
      const sound = { path: 'sound/s.wav', category: 'sound', size: 4, etag, modifiedMs: 0, id: '' };
      await catalogue.change({ removed: [], added: [sound] });
      await packNext(store, catalogue, EAGER);
      assert.equal(await mergeNext(store, catalogue, EAGER), 0);
      await putDigits(store, catalogue, [100, 101]);
      await packNext(store, catalogue, EAGER);
      assert.equal(await mergeNext(store, catalogue, EAGER), FAN_IN);
      const after = await catalogue.snapshot();
      assert.deepEqual(after.manifest.shards.map(({ pixelBytes }) => pixelBytes).toSorted(), [0, 64]);
      await assertWhole(store, catalogue, after);
    });

    it('drops what has died when that is more than half of a shard, and a shard that is all dead', async () => {
      await packed(2, 9);
      const gone = (await catalogue.snapshot()).samples.filter((sample) => numberIn(sample) < 4);
      await catalogue.change({ removed: gone.map(({ path }) => path), added: [] });
      assert.equal(await mergeNext(store, catalogue, EAGER), 0, 'less than half');
      await putDigits(store, catalogue, [4], () => 50);
      assert.equal(await mergeNext(store, catalogue, EAGER), 1);
      await packNext(store, catalogue, EAGER);
      const shows = (n: number) => (n === 4 ? 50 : n);
      const compacted = await catalogue.snapshot();
      assert.deepEqual(compacted.manifest.shards.map(({ count }) => count).toSorted(), [1, 4, 9]);
      await assertWhole(store, catalogue, compacted, shows);
      const last = compacted.samples.filter((sample) => numberIn(sample) >= 9).map(({ path }) => path);
      await catalogue.change({ removed: last, added: [] });
      assert.equal(await mergeNext(store, catalogue, EAGER), 1);
      const after = await catalogue.snapshot();
      assert.deepEqual(after.manifest.shards.map(({ count }) => count).toSorted(), [1, 4]);
      await assertWhole(store, catalogue, after, shows);
    });

    it('is right of samples that are replaced, deleted or come while it runs', async () => {
      await packed(FAN_IN, 3);
      const shows = (n: number) => (n === 5 ? 77 : n);
      const busy: BlobStore = {
        ...store,
        async put(key, bytes, options) {
          if (key.startsWith(catalogue.places.shards)) {
            await catalogue.change({ removed: ['0/3.png'], added: [] });
            await putDigits(store, catalogue, [5, 60], shows);
          }
          return store.put(key, bytes, options);
        },
      };
      assert.equal(await mergeNext(busy, catalogue, EAGER), FAN_IN);
      const right = async () => {
        const snapshot = await catalogue.snapshot();
        assert.deepEqual(
          snapshot.samples.map(numberIn).toSorted((a, b) => a - b),
          [...range(0, FAN_IN * 3).filter((n) => n !== 3), 60],
        );
        await assertWhole(store, catalogue, snapshot, shows);
      };
      await right();
      assert.equal(await packNext(store, catalogue, EAGER), 2);
      await right();
    });

    it('lets two processes merge the same shards: what is written twice goes at the next turn', async () => {
      await packed(FAN_IN, 3);
      const other = openDigits(store, dataset);
      await Promise.all([mergeNext(store, catalogue, EAGER), mergeNext(store, other, EAGER)]);
      const fresh = openDigits(store, dataset);
      await assertWhole(store, fresh, await fresh.snapshot());
      while ((await mergeNext(store, fresh, EAGER)) > 0);
      const after = await fresh.snapshot();
      assert.equal(after.manifest.shards.length, 1);
      await assertWhole(store, fresh, after);
    });

    for (const [moment, left] of [
      ['written', FAN_IN],
      ['committed', 1],
    ] as const) {
      it(`goes on from where it was when its process is killed once the shard is ${moment}`, async () => {
        const before = await packed(FAN_IN, 3);
        const { credentials, ...s3 } = bucket.options;
        const child = fork(PROCESS, [moment, dataset, JSON.stringify({ ...s3, ...(await credentials()) })]);
        assert.deepEqual(await once(child, 'message'), [moment, undefined]);
        child.kill('SIGKILL');
        await once(child, 'exit');
        const found = openDigits(store, dataset);
        const snapshot = await found.snapshot();
        assert.equal(snapshot.manifest.shards.length, left);
        await assertWhole(store, found, snapshot);
        await assertWhole(store, catalogue, before);
        assert.equal(await mergeNext(store, found, EAGER), left === 1 ? 0 : FAN_IN);
        await sweepCatalogue(store, found.places, Date.now() + NEXT_HOURS);
        const after = await found.snapshot();
        assert.equal(after.manifest.shards.length, 1);
        await assertWhole(store, found, after);
      });
    }
  });
}
