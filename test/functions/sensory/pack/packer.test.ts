import assert from 'node:assert/strict';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../../../../functions/sensory/catalogue/catalogue.ts';
import { placed } from '../../../../functions/sensory/catalogue/placed.ts';
import { reconcile } from '../../../../functions/sensory/catalogue/reconcile.ts';
import type { Sample } from '../../../../functions/sensory/catalogue/sample.ts';
import type { Snapshot } from '../../../../functions/sensory/catalogue/snapshot.ts';
import { PACK_LIMITS, packNext } from '../../../../functions/sensory/pack/packer.ts';
import { openPixelSource, type PixelSource } from '../../../../functions/sensory/pack/pixel-source.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../../support/s3-bucket.ts';
import { uniqueName } from '../../../support/servers.ts';
import { digit, digitPng } from '../digits.ts';

/** The digit of a sample, by its file's name. */
function numberIn({ path }: Sample): number {
  return Number(/(\d+)\.png$/.exec(path)?.[1]);
}

const EAGER = { ...PACK_LIMITS, patienceMs: 0 };
const log = openLog('test', 'fatal');

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`packing on ${name}`, () => {
    let bucket: TestBucket;
    let catalogue: Catalogue;
    let source: PixelSource;
    let reads: string[];

    before(async () => {
      bucket = await openTestBucket(start);
    });

    after(() => bucket.close());

    beforeEach(async () => {
      reads = [];
      const counting: BlobStore = {
        ...bucket.store,
        get(key, options) {
          reads.push(key);
          return bucket.store.get(key, options);
        },
      };
      catalogue = openCatalogue(bucket.store, { name: uniqueName('set'), width: 8, height: 8 }, log);
      source = openPixelSource(counting, { cacheBytes: 1 << 20, maxPixels: 1 << 20 });
    });

    async function put(from: number, to: number): Promise<void> {
      await Promise.all(
        Array.from({ length: to - from }, (_, i) =>
          bucket.store.put(`${catalogue.places.data}${(from + i) % 3}/${from + i}.png`, digitPng(from + i)),
        ),
      );
      await reconcile(bucket.store, catalogue);
    }

    async function read(
      snapshot: Snapshot,
      samples: readonly Sample[],
    ): Promise<{ data: Buffer; bad: readonly number[] }> {
      const data = Buffer.alloc(samples.length * 64, 1);
      const numbers = Uint32Array.from(samples, (_, i) => i);
      return { data, bad: await source.read(catalogue, placed(snapshot, samples), numbers, data) };
    }

    async function original(snapshot: Snapshot, sample: Sample): Promise<Buffer> {
      const { shard, originalAt } = snapshot.locate(sample) ?? assert.fail(`${sample.path} must be packed`);
      const range = { start: originalAt, length: sample.size };
      return (await bucket.store.get(`${catalogue.places.shards}${shard.file}`, { range })).bytes;
    }

    async function assertPixels(): Promise<void> {
      const snapshot = await catalogue.snapshot();
      const samples = snapshot.pictures();
      const { data, bad } = await read(snapshot, samples);
      assert.deepEqual(bad, []);
      samples.forEach((sample, i) => {
        assert.deepEqual(data.subarray(i * 64, (i + 1) * 64), Buffer.from(digit(numberIn(sample))));
      });
    }

    it('makes a batch of one read where there was one for each sample', async () => {
      await put(0, 60);
      await assertPixels();
      assert.equal(reads.length, 60);
      assert.equal(await packNext(bucket.store, catalogue, EAGER), 60);
      reads = [];
      await assertPixels();
      assert.equal(reads.length, 1);
      const snapshot = await catalogue.snapshot();
      const [first] = snapshot.samples as [Sample];
      assert.ok((await original(snapshot, first)).equals(digitPng(numberIn(first))));
      assert.equal(await packNext(bucket.store, catalogue, EAGER), 0);
    });

    it('leaves a few fresh samples until they are more or older', async () => {
      await put(0, 5);
      assert.equal(await packNext(bucket.store, catalogue), 0);
      assert.equal(await packNext(bucket.store, catalogue, EAGER), 5);
    });

    it('packs only what is new, and gives the samples their ids', async () => {
      await put(0, 5);
      await packNext(bucket.store, catalogue, EAGER);
      await put(5, 9);
      assert.equal(await packNext(bucket.store, catalogue, EAGER), 4);
      const snapshot = await catalogue.snapshot();
      assert.equal(snapshot.manifest.shards.length, 2);
      assert.ok(snapshot.samples.every((sample) => /^[0-9a-f]{64}$/.test(snapshot.idOf(sample))));
      await assertPixels();
    });

    it('keeps to the limits of a shard', async () => {
      await put(0, 30);
      const limits = { ...EAGER, maxSamples: 8 };
      const sizes: number[] = [];
      for (let packed = 1; packed > 0; sizes.push(packed)) packed = await packNext(bucket.store, catalogue, limits);
      assert.deepEqual(sizes, [8, 8, 8, 6, 0]);
      await assertPixels();
    });

    it('reads a changed sample anew', async () => {
      await put(0, 10);
      await packNext(bucket.store, catalogue, EAGER);
      await bucket.store.put(`${catalogue.places.data}0/0.png`, digitPng(99));
      await reconcile(bucket.store, catalogue);
      const snapshot = await catalogue.snapshot();
      const changed = snapshot.samples.find(({ path }) => path === '0/0.png');
      assert.ok(changed && snapshot.locate(changed) === undefined);
      const { data } = await read(snapshot, [changed]);
      assert.deepEqual(data, Buffer.from(digit(99)));
    });

    it('packs what is broken or no picture as bytes alone and never draws it', async () => {
      await put(0, 10);
      await bucket.store.put(`${catalogue.places.data}0/broken.png`, Buffer.from('not a picture'));
      await bucket.store.put(`${catalogue.places.data}sound/s.wav`, Buffer.from('RIFF'));
      await reconcile(bucket.store, catalogue);
      const before = await catalogue.snapshot();
      const broken = before.samples.filter(({ path }) => path === '0/broken.png');
      const { data, bad } = await read(before, broken);
      assert.deepEqual(bad, [0]);
      assert.ok(data.equals(Buffer.alloc(64)));
      while ((await packNext(bucket.store, catalogue, EAGER)) > 0);
      const snapshot = await catalogue.snapshot();
      assert.equal(snapshot.samples.length, 12);
      assert.equal(snapshot.pictures().length, 10);
      assert.deepEqual([...snapshot.categories().keys()], ['0', '1', '2']);
      const sound = snapshot.samples.find(({ category }) => category === 'sound');
      assert.equal((await original(snapshot, sound ?? assert.fail('it must be there'))).toString(), 'RIFF');
    });
  });
}
