import { createHash, randomUUID } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { inTurns } from '../catalogue/replay.ts';
import { isImage, type Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { decodeSample, isBadSample } from './decode-sample.ts';
import { encodeShard, type PackedSample } from './shard.ts';

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
/** Snapshots of which there is nothing left to pack: the background asks once a second, of 100,000 samples too. */
const settled = new WeakSet<Snapshot>();

/**
 * Packs the next shard's worth of samples that are not packed yet, small shards with them.
 *
 * @returns how many samples were packed; 0 when there is nothing to do for now.
 */
export async function packNext(store: BlobStore, catalogue: Catalogue, limits = PACK_LIMITS): Promise<number> {
  const snapshot = await catalogue.snapshot();
  if (settled.has(snapshot)) return 0;
  const { samples, replaced } = chooseSamples(snapshot, catalogue, limits);
  if (samples.length === 0) return 0;
  const read = await inTurns(samples, (sample) => readSample(store, catalogue, sample, limits), READS_AT_ONCE);
  const whole = read.filter((sample) => sample !== undefined);
  const kinds = [whole.filter(({ pixels }) => pixels), whole.filter(({ pixels }) => !pixels)];
  let obsolete = replaced;
  for (const kind of kinds) {
    if (kind.length === 0) continue;
    const { bytes, entry } = await encodeShard(`${randomUUID()}.shard`, kind);
    await store.put(`${catalogue.places.shards}${entry.file}`, bytes);
    await catalogue.addShard(entry, obsolete);
    obsolete = new Set();
  }
  return whole.length;
}

interface Choice {
  readonly samples: readonly Sample[];
  /** Shards whose living samples are all among those chosen. */
  readonly replaced: ReadonlySet<string>;
}

function chooseSamples(snapshot: Snapshot, catalogue: Catalogue, limits: PackLimits): Choice {
  const pixelBytes = catalogue.dataset.width * catalogue.dataset.height;
  const living = new Map<string, Sample[]>();
  const chosen: Sample[] = [];
  let bytes = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  const fits = (group: readonly Sample[]) => {
    const more = group.reduce((sum, { size }) => sum + size + pixelBytes, 0);
    if (chosen.length + group.length > limits.maxSamples || bytes + more > limits.maxBytes) return false;
    bytes += more;
    chosen.push(...group);
    return true;
  };
  for (const sample of snapshot.samples) {
    const location = snapshot.locate(sample);
    if (location) {
      const group = living.get(location.shard.file) ?? [];
      group.push(sample);
      living.set(location.shard.file, group);
    } else if (sample.size + pixelBytes <= limits.maxBytes / 4 && fits([sample])) {
      oldestMs = Math.min(oldestMs, sample.modifiedMs);
    }
  }
  const patient = chosen.length < limits.minSamples && Date.now() - oldestMs < limits.patienceMs;
  if (chosen.length === 0) settled.add(snapshot);
  if (chosen.length === 0 || patient) return { samples: [], replaced: new Set() };
  const replaced = new Set<string>();
  for (const { file, count, indexAt } of snapshot.manifest.shards) {
    const group = living.get(file) ?? [];
    const small = count < limits.maxSamples / 8 && indexAt < limits.maxBytes / 8;
    if ((small || group.length < count / 2) && fits(group)) replaced.add(file);
  }
  return { samples: chosen, replaced };
}

/** Undefined when the sample changed or went away meanwhile: the next listing tells. */
async function readSample(
  store: BlobStore,
  catalogue: Catalogue,
  sample: Sample,
  { maxPixels }: PackLimits,
): Promise<PackedSample | undefined> {
  try {
    const blob = await store.get(`${catalogue.places.data}${sample.path}`);
    if (blob.etag !== sample.etag) return undefined;
    const id = createHash('sha256').update(blob.bytes).digest('hex');
    const pixels = isImage(sample) ? await tryDecode(blob.bytes, catalogue, maxPixels) : undefined;
    return { sample: { ...sample, id }, original: blob.bytes, pixels };
  } catch (error) {
    if (isBadSample(error)) return undefined;
    throw error;
  }
}

async function tryDecode(bytes: Buffer, { dataset }: Catalogue, maxPixels: number): Promise<Uint8Array | undefined> {
  try {
    return await decodeSample(bytes, dataset, maxPixels);
  } catch (error) {
    if (isBadSample(error)) return undefined;
    throw error;
  }
}
