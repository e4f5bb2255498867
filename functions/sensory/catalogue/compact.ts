import type { SegmentEntry } from './manifest.ts';

/** From this many segments on the small ones at the end are merged. */
const MANY = 24;
/** A merged segment of this many samples is left alone from then on. */
const LARGE = 16_384;

/**
 * Which segments at the end are to be merged into one: from the returned index on; undefined when there are few. Only
 * neighbours at the end are merged, so that the order of the samples stays what it is.
 */
export function segmentsToMerge(segments: readonly SegmentEntry[]): number | undefined {
  if (segments.length < MANY) return undefined;
  const total = segments.reduce((sum, { added }) => sum + added, 0);
  const removed = segments.reduce((sum, entry) => sum + entry.removed, 0);
  if (removed > total / 4) return 0;
  let from = segments.length;
  while (from > 0 && (segments[from - 1]?.added ?? 0) < LARGE) from--;
  // Large segments alone: a dataset of millions. They are merged too, rather than let their number grow.
  return segments.length - from < MANY / 2 ? 0 : from;
}
