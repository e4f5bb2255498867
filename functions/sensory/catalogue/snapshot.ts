import { derived } from './derive.ts';
import type { Manifest, ShardEntry } from './manifest.ts';
import { byCodePoint, INBOX, isImage, type Sample } from './sample.ts';

/** Where a sample lies packed. */
export interface Location {
  readonly shard: ShardEntry;
  /** Its place among the shard's samples. */
  readonly index: number;
  /** Where its own bytes begin in the shard. */
  readonly originalAt: number;
  /** SHA-256 of its bytes, known since they were packed. */
  readonly id: string;
}

/** A dataset at one moment. What is drawn from it depends on nothing else. */
export interface Snapshot {
  readonly seq: number;
  /** In an order that is the same whenever the snapshot is read. */
  readonly samples: readonly Sample[];
  readonly manifest: Manifest;
  /** The same of snapshots of which each has the samples of the one before, where they were, and none or some behind them. */
  readonly growth: object;
  /** Where the sample with exactly this content is packed; undefined when it is not. */
  locate(sample: Sample): Location | undefined;
  /**
   * The pictures that can be drawn, in the snapshot's order: by their name, but for those that packing could not decode
   * and those that nobody has labelled yet.
   */
  pictures(): readonly Sample[];
  /** The categories that have pictures, sorted, with their indexes. */
  categories(): ReadonlyMap<string, number>;
  /** The sample's id; empty for one that was copied in and is not packed yet. */
  idOf(sample: Sample): string;
  /** The samples of an id; of exact duplicates all. */
  withId(id: string): readonly Sample[];
}

const positionsById = derived(
  () => new Map<string, number[]>(),
  (byId, sample, position, snapshot) => {
    const id = snapshot.idOf(sample);
    const positions = byId.get(id);
    if (positions) positions.push(position);
    else byId.set(id, [position]);
  },
);

export function makeSnapshot(parts: Pick<Snapshot, 'seq' | 'samples' | 'manifest' | 'growth' | 'locate'>): Snapshot {
  let pictures: readonly Sample[] | undefined;
  let categories: ReadonlyMap<string, number> | undefined;
  const snapshot: Snapshot = {
    ...parts,
    pictures() {
      pictures ??= parts.samples.filter(
        (sample) => isImage(sample) && sample.category !== INBOX && parts.locate(sample)?.shard.pixelBytes !== 0,
      );
      return pictures;
    },
    categories() {
      categories ??= categoryMap(snapshot.pictures());
      return categories;
    },
    idOf: (sample) => sample.id || (parts.locate(sample)?.id ?? ''),
    withId(id) {
      const positions = positionsById(snapshot).get(id) ?? [];
      return positions.filter((at) => at < parts.samples.length).map((at) => parts.samples[at] as Sample);
    },
  };
  return snapshot;
}

/** Categories sorted by code point, with indexes from 0. */
function categoryMap(samples: readonly Sample[]): ReadonlyMap<string, number> {
  const names = [...new Set(samples.map(({ category }) => category))].sort(byCodePoint);
  return new Map(names.map((name, index) => [name, index]));
}
