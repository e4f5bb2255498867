import type { Sample } from './sample.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Derives something from a snapshot by looking at each of its samples once. A snapshot that only grew out of another goes on
 * with what was derived from that one, so that it costs what came, and not what there is: a dataset of 100,000 samples
 * that gets one a second has a new snapshot every second.
 *
 * What is derived may hold more than the snapshot has, of one that grew out of it: who asks of an older one leaves out
 * positions from its number of samples on.
 *
 * @param take is given each sample in order, with its position.
 */
export function derived<T>(
  begin: () => T,
  take: (into: T, sample: Sample, position: number, snapshot: Snapshot) => void,
): (snapshot: Snapshot) => T {
  const known = new WeakMap<object, { readonly into: T; seen: number }>();
  return (snapshot) => {
    const found = known.get(snapshot.growth) ?? { into: begin(), seen: 0 };
    known.set(snapshot.growth, found);
    const { samples } = snapshot;
    for (; found.seen < samples.length; found.seen++) {
      take(found.into, samples[found.seen] as Sample, found.seen, snapshot);
    }
    return found.into;
  };
}
