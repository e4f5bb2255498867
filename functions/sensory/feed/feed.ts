import type { Catalogue } from '../catalogue/catalogue.ts';
import { augmenter, isPlain } from '../draw/augment.ts';
import { openRandom, seedAt } from '../draw/random.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import type { Epoch } from './epoch.ts';
import type { FeedSpec } from './spec.ts';

/** Positions of an epoch: `count` of them, `step` apart, from `first` on. */
export interface Run {
  readonly epoch: Epoch;
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** The samples at the positions of a run, by number in the epoch's split. */
export function numbersOf({ epoch, first, step, count }: Run): Uint32Array {
  if (step === 1) return epoch.order.subarray(first, first + count);
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = epoch.order[first + i * step] as number;
  return numbers;
}

/**
 * Writes the pixels of a run's samples into `out`, augmented, `width * height` grey bytes each.
 *
 * @returns the places of samples that are broken or gone, ascending; the next packing takes them out of the dataset.
 */
export async function readRun(
  source: PixelSource,
  catalogue: Catalogue,
  spec: FeedSpec,
  run: Run,
  out: Buffer,
): Promise<readonly number[]> {
  const bad = await source.read(catalogue, run.epoch.split, numbersOf(run), out);
  if (isPlain(spec.recipe)) return bad;
  const { width, height } = catalogue.dataset;
  const size = width * height;
  const vary = augmenter(spec.recipe);
  for (let i = 0; i < run.count; i++) {
    const image = { width, height, channels: 1 as const, data: out.subarray(i * size, (i + 1) * size) };
    const varied = vary(image, openRandom(seedAt(run.epoch.seed, run.first + i * run.step)));
    if (varied !== image) out.set(varied.data, i * size);
  }
  return bad;
}

/**
 * Moves the samples that are left together.
 *
 * @returns how many are left.
 */
export function closeGaps(pixels: Buffer, size: number, bad: readonly number[]): number {
  const count = pixels.length / size;
  let to = 0;
  let from = 0;
  for (const gap of [...bad, count]) {
    if (to !== from) pixels.copyWithin(to * size, from * size, gap * size);
    to += gap - from;
    from = gap + 1;
  }
  return to;
}

/** What is left of a list when the places in `bad` (ascending) are left out. */
export function without<List extends Uint32Array | Float64Array>(list: List, bad: readonly number[]): List {
  const left = new Set(bad);
  return list.filter((_, place) => !left.has(place)) as List;
}
