import { LRUCache } from 'lru-cache';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { ShardEntry } from '../catalogue/manifest.ts';
import type { Placed } from '../catalogue/placed.ts';
import { inTurns } from '../catalogue/replay.ts';
import type { Sample } from '../catalogue/sample.ts';
import { decodeSample, isBadSample } from './decode-sample.ts';

/** Hands out samples' pixels, from packed shards where it can. */
export interface PixelSource {
  /**
   * Writes the pixels of samples side by side into `out`, `width * height` bytes each.
   *
   * @param numbers which of `from`, by place in `out`.
   * @returns the places of those that could not be had because they are broken or gone, ascending; theirs are zero.
   */
  read(catalogue: Catalogue, from: Placed, numbers: Uint32Array, out: Buffer): Promise<readonly number[]>;
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
/** Whole shards on their way at once: each may have 32 MiB. */
const SHARDS_AT_ONCE = 4;

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

  async function readPacked(key: string, shard: ShardEntry, wanted: Wanted, out: Buffer): Promise<void> {
    const { pixelBytes, pixelsAt, count } = shard;
    const blockBytes = pixelBytes * count;
    if (blocks.has(key) || blockBytes <= SMALL_BLOCK_BYTES || wanted.slots.length * 4 > count) {
      copySamples(await block(key, shard), 0, wanted, pixelBytes, out);
      return;
    }
    await inTurns(
      joinRanges(wanted, Math.floor(GAP_BYTES / pixelBytes)),
      async (range) => {
        const [first, last] = [range.places[0] as number, range.places.at(-1) as number];
        const bytes = await readRange(key, pixelsAt + first * pixelBytes, (last - first + 1) * pixelBytes);
        copySamples(bytes, first, range, pixelBytes, out);
      },
      READS_AT_ONCE,
    );
  }

  async function readLone(catalogue: Catalogue, sample: Sample): Promise<Uint8Array | undefined> {
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
    async read(catalogue, from, numbers, out) {
      const size = catalogue.dataset.width * catalogue.dataset.height;
      const bad: number[] = [];
      const leaveOut = (slot: number) => {
        out.fill(0, slot * size, (slot + 1) * size);
        bad.push(slot);
      };
      const { packed, alone } = byShard(from, numbers);
      await inTurns(
        packed,
        async (wanted, number) => {
          const shard = from.shards[number] as ShardEntry;
          if (wanted.slots.length === 0) return;
          if (shard.pixelBytes !== size) wanted.slots.forEach(leaveOut);
          else await readPacked(`${catalogue.places.shards}${shard.file}`, shard, wanted, out);
        },
        SHARDS_AT_ONCE,
      );
      await inTurns(
        [...alone],
        async (slot) => {
          const pixels = await readLone(catalogue, from.samples[numbers[slot] as number] as Sample);
          if (pixels) out.set(pixels, slot * size);
          else leaveOut(slot);
        },
        READS_AT_ONCE,
      );
      return bad.sort((a, b) => a - b);
    },
  };
}

/** Samples of one shard: where each goes, and its place in the shard. */
interface Wanted {
  readonly slots: Uint32Array;
  readonly places: Uint32Array;
}

/** Sorts what is wanted by the shard that holds it, by counting. */
function byShard(from: Placed, numbers: Uint32Array): { packed: Wanted[]; alone: Uint32Array } {
  const { shards, shardOf, placeOf } = from;
  // Group 0 is of those that are not packed; where group g begins, and behind the last one its end.
  const begins = new Uint32Array(shards.length + 2);
  const groupOf = (number: number) => (shardOf[number] as number) + 1;
  for (const number of numbers) begins[groupOf(number) + 1] = (begins[groupOf(number) + 1] as number) + 1;
  for (let g = 1; g < begins.length; g++) begins[g] = (begins[g] as number) + (begins[g - 1] as number);
  const next = begins.slice();
  const slots = new Uint32Array(numbers.length);
  const places = new Uint32Array(numbers.length);
  for (let slot = 0; slot < numbers.length; slot++) {
    const number = numbers[slot] as number;
    const at = next[groupOf(number)] as number;
    next[groupOf(number)] = at + 1;
    slots[at] = slot;
    places[at] = placeOf[number] as number;
  }
  const packed = shards.map((_, i) => ({
    slots: slots.subarray(begins[i + 1], begins[i + 2]),
    places: places.subarray(begins[i + 1], begins[i + 2]),
  }));
  return { packed, alone: slots.subarray(0, begins[1]) };
}

/** Copies samples out of the pixels of a shard, of which `bytes` begins with the sample at place `first`. */
function copySamples(bytes: Buffer, first: number, { slots, places }: Wanted, size: number, out: Buffer): void {
  for (let i = 0; i < slots.length; i++) {
    const start = ((places[i] as number) - first) * size;
    bytes.copy(out, (slots[i] as number) * size, start, start + size);
  }
}

/** Samples of a shard in the order in which they lie, in ranges with no gap larger than `gap` samples inside. */
function joinRanges({ slots, places }: Wanted, gap: number): Wanted[] {
  const order = Uint32Array.from(places, (_, i) => i).sort((a, b) => (places[a] as number) - (places[b] as number));
  const sorted = { slots: order.map((i) => slots[i] as number), places: order.map((i) => places[i] as number) };
  const ranges: Wanted[] = [];
  let begin = 0;
  for (let i = 1; i <= order.length; i++) {
    if (i < order.length && (sorted.places[i] as number) - (sorted.places[i - 1] as number) <= gap) continue;
    ranges.push({ slots: sorted.slots.subarray(begin, i), places: sorted.places.subarray(begin, i) });
    begin = i;
  }
  return ranges;
}
