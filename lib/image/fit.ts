import type { Image } from './image.ts';
import { type Filter, resize } from './resize.ts';

/** A part of a picture, in pixels from its top left. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The part of the picture in the box, which must lie in it. */
export function crop(image: Image, { x, y, width, height }: Box): Image {
  const { channels, data } = image;
  const out = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * image.width + x) * channels;
    out.set(data.subarray(from, from + width * channels), row * width * channels);
  }
  return { width, height, channels, data: out };
}

/** The whole picture in its own proportions, in the middle of one of the size, the rest filled (Pillow's `ImageOps.pad`). */
export function letterbox(image: Image, width: number, height: number, fill: readonly number[], filter: Filter): Image {
  const ratio = image.width / image.height;
  const wide = ratio > width / height;
  const narrow = ratio < width / height;
  const inner = {
    width: narrow ? Math.max(1, halfEven((image.width / image.height) * height)) : width,
    height: wide ? Math.max(1, halfEven((image.height / image.width) * width)) : height,
  };
  const sized = resize(image, inner.width, inner.height, filter);
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < data.length; i++) data[i] = fill[fill.length === 1 ? 0 : i % channels] ?? 0;
  const [left, top] = [halfEven((width - inner.width) / 2), halfEven((height - inner.height) / 2)];
  for (let row = 0; row < inner.height; row++) {
    const from = row * inner.width * channels;
    data.set(sized.data.subarray(from, from + inner.width * channels), ((top + row) * width + left) * channels);
  }
  return { width, height, channels, data };
}

/** The picture in its own proportions so that it covers the size, the middle of it (torchvision's Resize and CenterCrop). */
export function cover(image: Image, width: number, height: number, filter: Filter): Image {
  const scale = Math.max(width / image.width, height / image.height);
  const inner = {
    width: Math.max(width, Math.trunc(image.width * scale)),
    height: Math.max(height, Math.trunc(image.height * scale)),
  };
  const sized = resize(image, inner.width, inner.height, filter);
  const [x, y] = [halfEven((inner.width - width) / 2), halfEven((inner.height - height) / 2)];
  return crop(sized, { x, y, width, height });
}

/** To the nearest whole number, halves to the even one, as Python rounds. */
function halfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
