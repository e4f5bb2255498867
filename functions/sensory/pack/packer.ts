import { createHash } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { derived } from '../catalogue/derive.ts';
import { inTurns } from '../catalogue/replay.ts';
import { isImage, type Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { decodeSample, isBadSample } from './decode-sample.ts';
import { encodeShard, type PackedSample, putShard } from './shard.ts';

export interface PackLimits {
  /** Samples and bytes of one shard; also what one run holds in memory. */
  readonly maxSamples: number;
  readonly maxBytes: number;
  /** Fewer unpacked samples than this are left until they are older than `patienceMs`. */
  readonly minSamples: number;
  readonly patienceMs: number;
  readonly maxPixels: number;
}

export const PACK_LIMITS: PackLimits = {
  maxSamples: 4096,
  maxBytes: 32 * 1024 * 1024,
  minSamples: 256,
  patienceMs: 10_000,
  maxPixels: 64 * 1024 * 1024,
};

const READS_AT_ONCE = 8;

const unpacked = derived(
  (): Sample[] => [],
  (into, sample, _, snapshot) => {
    if (!snapshot.locate(sample)) into.push(sample);
  },
);

/**
 * Packs the next shard's worth of samples that are not packed yet.
 *
 * @returns how many samples were packed; 0 when there is nothing to do for now.
 */
export async function packNext(store: BlobStore, catalogue: Catalogue, limits = PACK_LIMITS): Promise<number> {
  const snapshot = await catalogue.snapshot();
  const samples = chooseSamples(snapshot, catalogue, limits);
  if (samples.length === 0) return 0;
  const read = await inTurns(samples, (sample) => readSample(store, catalogue, sample, limits), READS_AT_ONCE);
  const whole = read.filter((sample) => sample !== undefined);
  const kinds = [whole.filter(({ pixels }) => pixels), whole.filter(({ pixels }) => !pixels)];
  const shards = await Promise.all(kinds.filter((kind) => kind.length > 0).map(encodeShard));
  for (const shard of shards) await putShard(store, catalogue, shard);
  await catalogue.changeShards(shards, new Set());
  return whole.length;
}

function chooseSamples(snapshot: Snapshot, { dataset }: Catalogue, limits: PackLimits): readonly Sample[] {
  const pixelBytes = dataset.width * dataset.height;
  const chosen: Sample[] = [];
  let bytes = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const sample of unpacked(snapshot)) {
    const more = sample.size + pixelBytes;
    if (more > limits.maxBytes / 4) continue;
    if (chosen.length === limits.maxSamples || bytes + more > limits.maxBytes) continue;
    bytes += more;
    chosen.push(sample);
    oldestMs = Math.min(oldestMs, sample.modifiedMs);
  }
  const patient = chosen.length < limits.minSamples && Date.now() - oldestMs < limits.patienceMs;
  return patient ? [] : chosen;
}

/** Undefined when the sample changed or went away meanwhile: the next listing tells. */
async function readSample(
  store: BlobStore,
  catalogue: Catalogue,
  sample: Sample,
  { maxPixels }: PackLimits,
): Promise<PackedSample | undefined> {
  try {
    const original = catalogue.takeBytes(sample) ?? (await readUnchanged(store, catalogue, sample));
    if (original === undefined) return undefined;
    const id = createHash('sha256').update(original).digest('hex');
    const pixels = isImage(sample) ? await tryDecode(original, catalogue, maxPixels) : undefined;
    return { sample: { ...sample, id }, original, pixels };
  } catch (error) {
    if (isBadSample(error)) return undefined;
    throw error;
  }
}

async function readUnchanged(store: BlobStore, { places }: Catalogue, { path, etag }: Sample) {
  const blob = await store.get(`${places.data}${path}`);
  return blob.etag === etag ? blob.bytes : undefined;
}

async function tryDecode(bytes: Buffer, { dataset }: Catalogue, maxPixels: number): Promise<Uint8Array | undefined> {
  try {
    return await decodeSample(bytes, dataset, maxPixels);
  } catch (error) {
    if (isBadSample(error)) return undefined;
    throw error;
  }
}
