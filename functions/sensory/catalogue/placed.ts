import type { ShardEntry } from './manifest.ts';
import type { Sample } from './sample.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Samples by number. What is asked of thousands of them at once stands in arrays: an object a sample would cost more than
 * copying its pixels.
 */
export interface Placed {
  readonly samples: readonly Sample[];
  /** The index of each one's category. */
  readonly labels: Int32Array;
  /** Packed shards that hold some of them. */
  readonly shards: readonly ShardEntry[];
  /** Number → which of `shards` holds it; -1 for a sample that is not packed. */
  readonly shardOf: Int32Array;
  /** Number → its place in that shard. */
  readonly placeOf: Uint32Array;
}

/** Looks up where samples of a snapshot lie. */
export function placed(snapshot: Snapshot, samples: readonly Sample[]): Placed {
  const categories = snapshot.categories();
  const numbers = new Map<ShardEntry, number>();
  const labels = new Int32Array(samples.length);
  const shardOf = new Int32Array(samples.length);
  const placeOf = new Uint32Array(samples.length);
  samples.forEach((sample, i) => {
    labels[i] = categories.get(sample.category) ?? 0;
    const location = snapshot.locate(sample);
    if (location === undefined) {
      shardOf[i] = -1;
      return;
    }
    const number = numbers.get(location.shard) ?? numbers.size;
    numbers.set(location.shard, number);
    shardOf[i] = number;
    placeOf[i] = location.index;
  });
  return { samples, labels, shards: [...numbers.keys()], shardOf, placeOf };
}

/** The labels of samples, by number. */
export function labelsOf({ labels }: Placed, numbers: Uint32Array): Int32Array {
  const found = new Int32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) found[i] = labels[numbers[i] as number] as number;
  return found;
}
