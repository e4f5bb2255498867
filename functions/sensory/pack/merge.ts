import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { ShardEntry } from '../catalogue/manifest.ts';
import { inTurns } from '../catalogue/replay.ts';
import type { Sample } from '../catalogue/sample.ts';
import type { Location, Snapshot } from '../catalogue/snapshot.ts';
import { PACK_LIMITS, type PackLimits } from './packer.ts';
import { encodeShard, type PackedSample, putShard } from './shard.ts';

/**
 * So many shards of one tier become one of a larger tier. A shard of tier k is more than 8^-(k+1) of a full one, and
 * 8^-k of it at most; what is larger than an eighth is of tier 0 and left alone. Sizes add up, so eight of tier k make one
 * of tier k - 1 or a larger one, and never more than a full one.
 *
 * So a sample is written once when it is packed, and once more for each tier that it comes up: where a full shard has
 * 4,096 samples (8^4) a single one is of tier 3, which makes four times at most. Of each tier but 0 no more than seven stay.
 * Beyond that there are compactions, each of which writes fewer samples than have gone since their shard was made.
 */
const FAN_IN = 8;
const READS_AT_ONCE = 2;

/** A shard and those of its samples that the dataset still has. */
interface Living {
  readonly shard: ShardEntry;
  /** In the order of the snapshot. */
  readonly samples: readonly { readonly sample: Sample; readonly location: Location }[];
  /** Share of a full shard: of its samples and of its bytes, added up. Up to 1 both limits are kept. */
  readonly weight: number;
}

/**
 * Merges shards of about the same size into a larger one, or compacts such as are more than half dead. The samples are
 * taken out of their shards as they are, and the old shards go with the record that names the new one.
 *
 * @returns how many shards were replaced; 0 when there is nothing to do.
 */
export async function mergeNext(store: BlobStore, catalogue: Catalogue, limits = PACK_LIMITS): Promise<number> {
  const chosen = chooseShards(livingShards(await catalogue.snapshot(), limits));
  if (chosen.length === 0) return 0;
  const read = await inTurns(chosen, (living) => readSamples(store, catalogue, living), READS_AT_ONCE);
  const samples = read.flat();
  const merged = samples.length === 0 ? [] : [await encodeShard(samples)];
  for (const shard of merged) await putShard(store, catalogue, shard);
  await catalogue.changeShards(merged, new Set(chosen.map(({ shard }) => shard.file)));
  return chosen.length;
}

function livingShards(snapshot: Snapshot, { maxSamples, maxBytes }: PackLimits): Living[] {
  const found = new Map(snapshot.manifest.shards.map((shard) => [shard, [] as Living['samples'][number][]]));
  for (const sample of snapshot.samples) {
    const location = snapshot.locate(sample);
    if (location) found.get(location.shard)?.push({ sample, location });
  }
  return [...found].map(([shard, samples]) => {
    const bytes = samples.reduce((sum, { sample }) => sum + sample.size + shard.pixelBytes, 0);
    return { shard, samples, weight: samples.length / maxSamples + bytes / maxBytes };
  });
}

function chooseShards(shards: readonly Living[]): readonly Living[] {
  // Pictures with pixels and what has none lie in shards of their own.
  for (const kind of Map.groupBy(shards, ({ shard }) => shard.pixelBytes).values()) {
    const dying = kind.filter(({ shard, samples }) => samples.length < shard.count / 2);
    if (dying.length > 0) return asManyAsFit(dying);
    for (const [tier, members] of Map.groupBy(kind, tierOf)) {
      if (tier > 0 && members.length >= FAN_IN) return members.slice(0, FAN_IN);
    }
  }
  return [];
}

function tierOf({ weight }: Living): number {
  return Math.floor(-Math.log2(weight) / Math.log2(FAN_IN));
}

/** The first one at least: what lay in one shard fits into one. */
function asManyAsFit(shards: readonly Living[]): readonly Living[] {
  let weight = 0;
  const end = shards.findIndex((living, i) => {
    weight += living.weight;
    return i > 0 && weight > 1;
  });
  return end === -1 ? shards : shards.slice(0, end);
}

/** The living samples of a shard, with one read. A shard never changes, and holds them with the ETags that they still have. */
async function readSamples(
  store: BlobStore,
  { places }: Catalogue,
  { shard, samples }: Living,
): Promise<PackedSample[]> {
  if (samples.length === 0) return [];
  const { file, pixelsAt, pixelBytes, indexAt, indexBytes } = shard;
  // With the index, which is never empty, as the rest is of a shard of empty files.
  const range = { start: pixelsAt, length: indexAt + indexBytes - pixelsAt };
  const { bytes } = await store.get(`${places.shards}${file}`, { range });
  return samples.map(({ sample, location: { id, index, originalAt } }) => {
    const at = originalAt - pixelsAt;
    return {
      sample: { ...sample, id },
      original: bytes.subarray(at, at + sample.size),
      pixels: pixelBytes === 0 ? undefined : bytes.subarray(index * pixelBytes, (index + 1) * pixelBytes),
    };
  });
}
