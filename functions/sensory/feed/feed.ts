import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { augmenter, isPlain } from '../draw/augment.ts';
import { openRandom, seedAt } from '../draw/random.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import type { Epoch } from './epoch.ts';
import type { FeedSpec } from './spec.ts';

/** Samples of a feed with their pixels: `width * height` grey bytes each, augmented. */
export interface FeedBatch {
  readonly samples: readonly Sample[];
  readonly pixels: Buffer;
}

/**
 * The samples at positions of an epoch. A sample that is broken or gone is left out; the next packing takes it out of
 * the dataset.
 */
export async function readPositions(
  source: PixelSource,
  catalogue: Catalogue,
  snapshot: Snapshot,
  epoch: Epoch,
  spec: FeedSpec,
  positions: readonly number[],
): Promise<FeedBatch> {
  const wanted = positions.map((position) => epoch.samples[epoch.order[position] as number] as Sample);
  const { data, bad } = await source.pixels(catalogue, snapshot, wanted);
  const { width, height } = catalogue.dataset;
  const size = width * height;
  if (!isPlain(spec.recipe)) {
    const vary = augmenter(spec.recipe);
    positions.forEach((position, i) => {
      const image = { width, height, channels: 1 as const, data: data.subarray(i * size, (i + 1) * size) };
      const varied = vary(image, openRandom(seedAt(epoch.seed, position)));
      if (varied !== image) data.set(varied.data, i * size);
    });
  }
  if (bad.length === 0) return { samples: wanted, pixels: data };
  const left = positions.map((_, i) => i).filter((i) => !bad.includes(i));
  return {
    samples: left.map((i) => wanted[i] as Sample),
    pixels: Buffer.concat(left.map((i) => data.subarray(i * size, (i + 1) * size))),
  };
}
