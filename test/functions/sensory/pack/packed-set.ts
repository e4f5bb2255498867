import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openLog } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from '../../../../functions/sensory/catalogue/catalogue.ts';
import { placed } from '../../../../functions/sensory/catalogue/placed.ts';
import type { Sample } from '../../../../functions/sensory/catalogue/sample.ts';
import type { Snapshot } from '../../../../functions/sensory/catalogue/snapshot.ts';
import { PACK_LIMITS } from '../../../../functions/sensory/pack/packer.ts';
import { openPixelSource } from '../../../../functions/sensory/pack/pixel-source.ts';
import { digit, digitPng } from '../digits.ts';

/** Nothing is waited for. */
export const EAGER = { ...PACK_LIMITS, patienceMs: 0 };

/** The number of a sample's digit, by its file's name. */
export function numberIn({ path }: Sample): number {
  return Number(/(\d+)\.png$/.exec(path)?.[1]);
}

/** A catalogue of digits of 8x8. */
export function openDigits(store: BlobStore, name: string): Catalogue {
  return openCatalogue(store, { name, width: 8, height: 8 }, openLog('test', 'fatal'));
}

/** Stores digits as `<n % 3>/<n>.png` and tells the catalogue. */
export async function putDigits(
  store: BlobStore,
  catalogue: Catalogue,
  numbers: readonly number[],
  shows = (n: number) => n,
) {
  const added = await Promise.all(
    numbers.map(async (n): Promise<Sample> => {
      const [path, bytes] = [`${n % 3}/${n}.png`, digitPng(shows(n))];
      const { etag } = await store.put(`${catalogue.places.data}${path}`, bytes);
      return { path, category: String(n % 3), size: bytes.length, etag, modifiedMs: 0, id: '' };
    }),
  );
  await catalogue.change({ removed: [], added });
}

/** Reads the pixels of all pictures of a snapshot as trainers get them. */
export async function pixelsOf(store: BlobStore, catalogue: Catalogue, snapshot: Snapshot): Promise<Buffer> {
  const samples = snapshot.pictures();
  const out = Buffer.alloc(samples.length * 64, 1);
  const source = openPixelSource(store, { cacheBytes: 1 << 20, maxPixels: 1 << 20 });
  const numbers = Uint32Array.from(samples, (_, i) => i);
  assert.deepEqual(await source.read(catalogue, placed(snapshot, samples), numbers, out), []);
  return out;
}

/** Fails unless each picture of the snapshot is the one that its name says, as pixels, and as bytes and id if it is packed. */
export async function assertWhole(
  store: BlobStore,
  catalogue: Catalogue,
  snapshot: Snapshot,
  shows = (n: number) => n,
): Promise<void> {
  const pixels = await pixelsOf(store, catalogue, snapshot);
  const shards = new Map<string, Buffer>();
  for (const [i, sample] of snapshot.pictures().entries()) {
    const n = shows(numberIn(sample));
    assert.deepEqual(pixels.subarray(i * 64, (i + 1) * 64), Buffer.from(digit(n)), sample.path);
    const location = snapshot.locate(sample);
    if (location === undefined) continue;
    const key = `${catalogue.places.shards}${location.shard.file}`;
    const shard = shards.get(key) ?? (await store.get(key)).bytes;
    shards.set(key, shard);
    assert.deepEqual(shard.subarray(location.originalAt, location.originalAt + sample.size), digitPng(n), sample.path);
    assert.equal(location.id, createHash('sha256').update(digitPng(n)).digest('hex'));
  }
}
