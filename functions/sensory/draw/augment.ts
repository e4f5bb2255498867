import type { Image } from '#lib/image/image.ts';
import { resize } from '#lib/image/resize.ts';
import { crop, flip, rotate } from '#lib/image/transform.ts';
import type { Random } from './random.ts';

/** How samples are varied. Each step is drawn on its own and applied in the order in which they stand here. */
export interface Recipe {
  /** Turned by up to `degrees` either way. */
  readonly rotate?: { readonly probability: number; readonly degrees: number };
  /** Scaled about the centre by a factor from `min` to `max`, cropped or padded to its size. */
  readonly scale?: { readonly probability: number; readonly min: number; readonly max: number };
  /** Moved by up to `pixels` in both directions. */
  readonly shift?: { readonly probability: number; readonly pixels: number };
  /** Mirrored, left for right. */
  readonly flip?: { readonly probability: number };
  /** Made lighter or darker by up to `amount` of the full range. */
  readonly brightness?: { readonly probability: number; readonly amount: number };
  /** Gaussian noise of standard deviation `sigma`, of the full range. */
  readonly noise?: { readonly probability: number; readonly sigma: number };
}

/**
 * The old trainers' noise: with that probability turned by up to 10 degrees either way, and, drawn separately, scaled by
 * 0.7 to 1.5.
 */
export function oldNoise(noise: number): Recipe {
  if (noise === 0) return {};
  return { rotate: { probability: noise, degrees: 10 }, scale: { probability: noise, min: 0.7, max: 1.5 } };
}

/** Whether the recipe changes nothing. */
export function isPlain(recipe: Recipe): boolean {
  return Object.values(recipe).every((step: { probability: number }) => step.probability === 0);
}

type Step = (image: Image, random: Random) => Image;

/** The steps of a recipe, ready to be applied to samples. */
export function augmenter(recipe: Recipe): (image: Image, random: Random) => Image {
  const steps = stepsOf(recipe);
  return (image, random) =>
    steps.reduce((varied, [probability, step]) => (random.next() < probability ? step(varied, random) : varied), image);
}

function stepsOf({ rotate: turn, scale, shift, flip: mirror, brightness, noise }: Recipe): [number, Step][] {
  const steps: [number, Step][] = [];
  if (turn) steps.push([turn.probability, (image, random) => rotate(image, either(random) * turn.degrees)]);
  if (scale) {
    const { min, max } = scale;
    steps.push([scale.probability, (image, random) => scaleAboutCentre(image, min + random.next() * (max - min))]);
  }
  if (shift) {
    const { pixels } = shift;
    const by = (random: Random) => random.below(2 * pixels + 1) - pixels;
    steps.push([shift.probability, (image, random) => crop(image, by(random), by(random), image.width, image.height)]);
  }
  if (mirror) steps.push([mirror.probability, flip]);
  if (brightness) {
    steps.push([brightness.probability, (image, random) => lighten(image, either(random) * brightness.amount * 255)]);
  }
  if (noise) steps.push([noise.probability, (image, random) => addGaussian(image, noise.sigma * 255, random)]);
  return steps;
}

/** From -1 to below 1. */
function either(random: Random): number {
  return random.next() * 2 - 1;
}

function scaleAboutCentre(image: Image, scale: number): Image {
  const { width, height } = image;
  const scaled = resize(
    image,
    Math.max(1, Math.trunc(width * scale)),
    Math.max(1, Math.trunc(height * scale)),
    'bicubic',
  );
  const left = Math.trunc((scaled.width - width) / 2);
  const top = Math.trunc((scaled.height - height) / 2);
  return crop(scaled, left, top, width, height);
}

function lighten(image: Image, by: number): Image {
  return { ...image, data: changed(image.data, (value) => value + by) };
}

/** Box and Muller's transform; both of its numbers are used. */
function addGaussian(image: Image, sigma: number, random: Random): Image {
  let spare: number | undefined;
  const gaussian = () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    const angle = 2 * Math.PI * random.next();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  return { ...image, data: changed(image.data, (value) => value + sigma * gaussian()) };
}

function changed(data: Uint8Array, change: (value: number) => number): Uint8Array {
  const clamped = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) clamped[i] = change(data[i] as number);
  return new Uint8Array(clamped.buffer);
}
