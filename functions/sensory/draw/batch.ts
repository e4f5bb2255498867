import { BoxError } from '#lib/error/box-error.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { placed } from '../catalogue/placed.ts';
import type { Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import type { PixelSource } from '../pack/pixel-source.ts';
import { augmenter, oldNoise } from './augment.ts';
import { openRandom, type Seed, seedAt } from './random.ts';
import { shuffled } from './shuffle.ts';

/** What is drawn: so many samples of a state of a dataset, each at most once. All else follows from the seed. */
export interface Draw {
  readonly catalogue: Catalogue;
  readonly snapshot: Snapshot;
  readonly seed: Seed;
  readonly size: number;
  readonly noise: number;
}

export interface Drawn {
  readonly samples: readonly Sample[];
  /** `width * height` grey bytes a sample. */
  readonly pixels: Buffer;
}

/** Which samples a draw gives at which positions, and after them those that stand in for broken ones. */
export function drawOrder({ snapshot, size, seed }: Draw): Uint32Array {
  const all = snapshot.pictures().length;
  return shuffled(all, Math.min(all, size * 2), seed);
}

/**
 * The samples at positions `from` to `from + count - 1` of a draw, a pure function of the draw and the position.
 *
 * @throws BoxError `unprocessable` when a sample is broken and so is what stands in for it.
 */
export async function drawBatch(
  source: PixelSource,
  draw: Draw,
  order: Uint32Array,
  from: number,
  count: number,
): Promise<Drawn> {
  const { catalogue, snapshot } = draw;
  const { width, height } = catalogue.dataset;
  const pictures = snapshot.pictures();
  const samples = Array.from(order.subarray(from, from + count), (i) => pictures[i] as Sample);
  const { data, bad } = await pixelsOf(source, draw, samples);
  if (bad.length > 0) await replaceBad(source, draw, order, from, samples, data, bad);
  if (draw.noise > 0) {
    const size = width * height;
    const vary = augmenter(oldNoise(draw.noise));
    for (let i = 0; i < samples.length; i++) {
      const image = { width, height, channels: 1 as const, data: data.subarray(i * size, (i + 1) * size) };
      const noisy = vary(image, openRandom(seedAt(draw.seed, from + i)));
      if (noisy !== image) data.set(noisy.data, i * size);
    }
  }
  return { samples, pixels: data };
}

async function pixelsOf(
  source: PixelSource,
  { catalogue, snapshot }: Draw,
  samples: readonly Sample[],
): Promise<{ data: Buffer; bad: readonly number[] }> {
  const data = Buffer.allocUnsafe(catalogue.dataset.width * catalogue.dataset.height * samples.length);
  const all = Uint32Array.from(samples, (_, i) => i);
  return { data, bad: await source.read(catalogue, placed(snapshot, samples), all, data) };
}

/** Position p of a draw of n is taken over by position n + p of the same order: no two stand-ins are the same. */
async function replaceBad(
  source: PixelSource,
  draw: Draw,
  order: Uint32Array,
  from: number,
  samples: Sample[],
  data: Buffer,
  bad: readonly number[],
): Promise<void> {
  const { catalogue, snapshot } = draw;
  const pictures = snapshot.pictures();
  const standIns = bad.map((slot) => pictures[order[draw.size + from + slot] ?? -1]);
  const found = standIns.filter((sample) => sample !== undefined);
  const read = await pixelsOf(source, draw, found);
  if (found.length < bad.length || read.bad.length > 0) {
    const broken = samples[bad[0] as number]?.path;
    throw new BoxError(
      'unprocessable',
      `Cannot draw sample ${broken}: it is broken or gone, and too few others are left`,
    );
  }
  const size = catalogue.dataset.width * catalogue.dataset.height;
  bad.forEach((slot, i) => {
    samples[slot] = found[i] as Sample;
    read.data.copy(data, slot * size, i * size, (i + 1) * size);
  });
}
