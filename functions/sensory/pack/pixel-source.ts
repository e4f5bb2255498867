import { LRUCache } from 'lru-cache';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { ShardEntry } from '../catalogue/manifest.ts';
import { inTurns } from '../catalogue/replay.ts';
import type { Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { decodeSample, isBadSample } from './decode-sample.ts';

/** Hands out samples' pixels and bytes, from packed shards where it can. */
export interface PixelSource {
  /**
   * The pixels of the samples side by side, `width * height` bytes each, and which of them could not be had because
   * they are broken or gone; theirs are zero.
   */
  pixels(catalogue: Catalogue, snapshot: Snapshot, samples: readonly Sample[]): Promise<Pixels>;
  /** The samples' own bytes. One that is gone is undefined. */
  originals(
    catalogue: Catalogue,
    snapshot: Snapshot,
    samples: readonly Sample[],
  ): Promise<readonly (Buffer | undefined)[]>;
}

export interface Pixels {
  readonly data: Buffer;
  readonly bad: readonly number[];
}

export interface PixelSourceOptions {
  /** Memory for pixels of packed shards. */
  readonly cacheBytes: number;
  readonly maxPixels: number;
}

/** A shard's pixels up to this size are read as a whole: as quick as a range, and the next batch wants the rest. */
const SMALL_BLOCK_BYTES = 8 * 1024 * 1024;
/** Ranges closer than this are read as one. */
const GAP_BYTES = 256 * 1024;
const LONE_CACHE_BYTES = 16 * 1024 * 1024;
const READS_AT_ONCE = 16;

interface Wanted {
  /** Its place in the answer. */
  readonly slot: number;
  /** Where it begins in the shard and how long it is. */
  readonly start: number;
  readonly length: number;
}

export function openPixelSource(store: BlobStore, options: PixelSourceOptions): PixelSource {
  const blocks = new LRUCache<string, Buffer>({
    maxSize: options.cacheBytes,
    sizeCalculation: (block) => Math.max(1, block.length),
  });
  const reading = new Map<string, Promise<Buffer>>();
  const lone = new LRUCache<string, Uint8Array>({
    maxSize: LONE_CACHE_BYTES,
    sizeCalculation: (pixels) => pixels.length,
  });

  async function readRange(key: string, start: number, length: number): Promise<Buffer> {
    return (await store.get(key, { range: { start, length } })).bytes;
  }

  /** All pixels of a shard, read once however many ask. */
  function block(key: string, { pixelsAt, pixelBytes, count }: ShardEntry): Promise<Buffer> {
    const known = blocks.get(key);
    if (known) return Promise.resolve(known);
    const already = reading.get(key);
    if (already) return already;
    const read = readRange(key, pixelsAt, pixelBytes * count).then((bytes) => {
      blocks.set(key, bytes);
      return bytes;
    });
    reading.set(key, read);
    const done = () => reading.delete(key);
    read.then(done, done);
    return read;
  }

  async function packedPixels(key: string, shard: ShardEntry, wanted: readonly Wanted[], out: Buffer): Promise<void> {
    const { pixelBytes, pixelsAt, count } = shard;
    const blockBytes = pixelBytes * count;
    if (blocks.has(key) || blockBytes <= SMALL_BLOCK_BYTES || wanted.length * 4 > count) {
      const bytes = await block(key, shard);
      for (const { slot, start } of wanted) {
        bytes.copy(out, slot * pixelBytes, start - pixelsAt, start - pixelsAt + pixelBytes);
      }
      return;
    }
    await eachRange(wanted, key, ({ slot }, bytes) => bytes.copy(out, slot * pixelBytes));
  }

  async function eachRange(
    wanted: readonly Wanted[],
    key: string,
    take: (one: Wanted, bytes: Buffer) => void,
  ): Promise<void> {
    await inTurns(
      joinRanges(wanted),
      async ({ start, end, members }) => {
        const bytes = await readRange(key, start, end - start);
        for (const one of members) take(one, bytes.subarray(one.start - start, one.start - start + one.length));
      },
      READS_AT_ONCE,
    );
  }

  async function lonePixels(catalogue: Catalogue, sample: Sample): Promise<Uint8Array | undefined> {
    const key = `${catalogue.places.data}${sample.path}`;
    const cacheKey = `${key} ${sample.etag}`;
    const known = lone.get(cacheKey);
    if (known) return known;
    try {
      const pixels = await decodeSample((await store.get(key)).bytes, catalogue.dataset, options.maxPixels);
      lone.set(cacheKey, pixels);
      return pixels;
    } catch (error) {
      if (isBadSample(error)) return undefined;
      throw error;
    }
  }

  return {
    async pixels(catalogue, snapshot, samples) {
      const size = catalogue.dataset.width * catalogue.dataset.height;
      const data = Buffer.alloc(size * samples.length);
      const { packed, alone } = bySource(snapshot, samples, ({ shard, index }) => ({
        start: shard.pixelsAt + index * shard.pixelBytes,
        length: shard.pixelBytes,
      }));
      const bad: number[] = [];
      await inTurns(
        [...packed],
        async ([shard, wanted]) => {
          if (shard.pixelBytes === size) {
            await packedPixels(`${catalogue.places.shards}${shard.file}`, shard, wanted, data);
          } else bad.push(...wanted.map(({ slot }) => slot));
        },
        READS_AT_ONCE,
      );
      await inTurns(
        alone,
        async (slot) => {
          const pixels = await lonePixels(catalogue, samples[slot] as Sample);
          if (pixels) data.set(pixels, slot * size);
          else bad.push(slot);
        },
        READS_AT_ONCE,
      );
      return { data, bad: bad.sort((a, b) => a - b) };
    },

    async originals(catalogue, snapshot, samples) {
      const out: (Buffer | undefined)[] = new Array(samples.length).fill(undefined);
      const { packed, alone } = bySource(snapshot, samples, ({ originalAt }, { size }) => ({
        start: originalAt,
        length: size,
      }));
      for (const [shard, wanted] of packed) {
        await eachRange(wanted, `${catalogue.places.shards}${shard.file}`, ({ slot }, bytes) => {
          out[slot] = bytes;
        });
      }
      await inTurns(
        alone,
        async (slot) => {
          out[slot] = await readWhole(store, `${catalogue.places.data}${samples[slot]?.path}`);
        },
        READS_AT_ONCE,
      );
      return out;
    },
  };
}

async function readWhole(store: BlobStore, key: string): Promise<Buffer | undefined> {
  try {
    return (await store.get(key)).bytes;
  } catch (error) {
    if (isBadSample(error)) return undefined;
    throw error;
  }
}

function bySource(
  snapshot: Snapshot,
  samples: readonly Sample[],
  place: (
    location: NonNullable<ReturnType<Snapshot['locate']>>,
    sample: Sample,
  ) => { readonly start: number; readonly length: number },
): { packed: Map<ShardEntry, Wanted[]>; alone: number[] } {
  const packed = new Map<ShardEntry, Wanted[]>();
  const alone: number[] = [];
  samples.forEach((sample, slot) => {
    const location = snapshot.locate(sample);
    if (!location) {
      alone.push(slot);
      return;
    }
    const wanted = packed.get(location.shard) ?? [];
    wanted.push({ slot, ...place(location, sample) });
    packed.set(location.shard, wanted);
  });
  return { packed, alone };
}

/** Ranges in the order in which they lie, those near each other as one. */
function joinRanges(wanted: readonly Wanted[]): { start: number; end: number; members: Wanted[] }[] {
  const joined: { start: number; end: number; members: Wanted[] }[] = [];
  for (const one of [...wanted].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    // An empty object has no bytes to ask for: its range is its first neighbour's.
    const end = one.start + Math.max(1, one.length);
    if (last && one.start - last.end <= GAP_BYTES) {
      last.end = Math.max(last.end, end);
      last.members.push(one);
    } else joined.push({ start: one.start, end, members: [one] });
  }
  return joined;
}
