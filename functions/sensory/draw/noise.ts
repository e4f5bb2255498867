import type { Image } from '#lib/image/image.ts';
import { resize } from '#lib/image/resize.ts';
import { crop, rotate } from '#lib/image/transform.ts';
import type { Random } from './random.ts';

const MAX_DEGREES = 10;
const MIN_SCALE = 0.7;
const MAX_SCALE = 1.5;

/**
 * The old trainers' noise: with that probability turned by up to 10 degrees either way, and, drawn separately, scaled by
 * 0.7 to 1.5; then cropped or padded about the centre to the size that it had.
 */
export function addNoise(image: Image, noise: number, random: Random): Image {
  const turned = random.next() < noise ? rotate(image, (random.next() * 2 - 1) * MAX_DEGREES) : image;
  if (random.next() >= noise) return turned;
  return scaleAboutCentre(turned, MIN_SCALE + random.next() * (MAX_SCALE - MIN_SCALE));
}

/** The picture larger or smaller in a frame of the same size, black around it. */
export function scaleAboutCentre(image: Image, scale: number): Image {
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
