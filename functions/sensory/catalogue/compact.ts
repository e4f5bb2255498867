import type { SegmentEntry } from './manifest.ts';

/** From this many segments on those at the end are merged. */
const MANY = 24;
/** A segment stays as it is while it is so many times as large as all that follow. */
const GROWTH = 2;

/**
 * Which segments at the end are to be merged into one: from the returned index on; undefined when there is no need. Only
 * neighbours at the end are merged, so that the order of the samples stays what it is.
 *
 * Each segment that is left is at least twice as large as the next: there is one a doubling. What a sample lies in becomes
 * half as large again with each merge, or more: so of a million samples that came one by one each is written some thirty
 * times at most.
 */
export function segmentsToMerge(segments: readonly SegmentEntry[]): number | undefined {
  if (segments.length < MANY) return undefined;
  const added = segments.reduce((sum, entry) => sum + entry.added, 0);
  const removed = segments.reduce((sum, entry) => sum + entry.removed, 0);
  if (removed > added / 4) return 0;
  let from: number | undefined;
  let after = 0;
  for (const [i, entry] of [...segments.entries()].reverse()) {
    const size = entry.added + entry.removed;
    if (size < after * GROWTH) from = i;
    after += size;
  }
  return from;
}
