import { randomUUID } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue, IndexedShard } from '../catalogue/catalogue.ts';
import type { ShardEntry } from '../catalogue/manifest.ts';
import type { Sample } from '../catalogue/sample.ts';
import { encodeSegment } from '../catalogue/segment.ts';

/** A sample on its way into a shard. */
export interface PackedSample {
  readonly sample: Sample;
  readonly original: Buffer;
  /** Grey pixels at the dataset's size; undefined for what is no picture. All samples of a shard are alike in this. */
  readonly pixels: Uint8Array | undefined;
}

/** A shard that is not in the bucket yet. */
export interface EncodedShard extends IndexedShard {
  readonly bytes: Buffer;
}

const MAGIC = Buffer.from('TBXSHRD1', 'latin1');
const ALIGNMENT = 64;

/**
 * A shard as bytes: the decoded pixels of all samples side by side, then their own bytes, then the index. One range
 * read gives the pixels of as many samples as lie next to each other. The format is in docs/sensory-formats.md.
 */
export async function encodeShard(samples: readonly PackedSample[]): Promise<EncodedShard> {
  const file = `${randomUUID()}.shard`;
  const pixelBytes = samples[0]?.pixels?.length ?? 0;
  const index = {
    removed: [],
    added: samples.map(({ sample, original }) => ({ ...sample, size: original.length })),
  };
  const encodedIndex = await encodeSegment(index);
  const originalBytes = samples.reduce((sum, { original }) => sum + original.length, 0);
  const layout = (headerBytes: number): ShardEntry => {
    const pixelsAt = Math.ceil((MAGIC.length + 4 + headerBytes) / ALIGNMENT) * ALIGNMENT;
    const originalsAt = pixelsAt + pixelBytes * samples.length;
    const indexAt = originalsAt + originalBytes;
    return { file, count: samples.length, pixelBytes, pixelsAt, originalsAt, indexAt, indexBytes: encodedIndex.length };
  };
  // The header names offsets that depend on its own length: room for the longest numbers is set aside.
  const entry = layout(JSON.stringify(layout(1024)).length + 64);
  const header = Buffer.from(JSON.stringify(entry));
  const bytes = Buffer.alloc(entry.indexAt + encodedIndex.length);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(header.length, MAGIC.length);
  header.copy(bytes, MAGIC.length + 4);
  let at = entry.originalsAt;
  samples.forEach(({ pixels, original }, i) => {
    if (pixels) bytes.set(pixels, entry.pixelsAt + i * pixelBytes);
    original.copy(bytes, at);
    at += original.length;
  });
  encodedIndex.copy(bytes, entry.indexAt);
  return { bytes, entry, index };
}

export async function putShard(store: BlobStore, { places }: Catalogue, { entry, bytes }: EncodedShard): Promise<void> {
  await store.put(`${places.shards}${entry.file}`, bytes);
}
