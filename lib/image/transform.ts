import type { Image } from './image.ts';

/**
 * The picture turned about its centre, counter-clockwise, in a frame of the same size: each pixel is the nearest of the
 * original's, black where there is none. Pillow's arithmetic.
 */
export function rotate(image: Image, degrees: number): Image {
  const { width, height, channels, data } = image;
  const angle = (-degrees * Math.PI) / 180;
  const [cos, sin] = [rounded(Math.cos(angle)), rounded(Math.sin(angle))];
  const [cx, cy] = [width / 2, height / 2];
  const out = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += channels) {
      const [dx, dy] = [x + 0.5 - cx, y + 0.5 - cy];
      const fromX = Math.floor(cos * dx + sin * dy + cx);
      const fromY = Math.floor(-sin * dx + cos * dy + cy);
      if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height) continue;
      const from = (fromY * width + fromX) * channels;
      for (let c = 0; c < channels; c++) out[to + c] = data[from + c] as number;
    }
  }
  return { width, height, channels, data: out };
}

/** Fifteen digits: without it a right angle is none. */
function rounded(value: number): number {
  return Number(value.toFixed(15));
}

/** A rectangle of the picture from `left` and `top`, which may lie outside of it; black where the picture has no pixel. */
export function crop(image: Image, left: number, top: number, width: number, height: number): Image {
  const { channels, data } = image;
  const out = new Uint8Array(width * height * channels);
  const [fromX, toX] = [Math.max(0, left), Math.min(image.width, left + width)];
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height) && fromX < toX; y++) {
    const row = data.subarray((y * image.width + fromX) * channels, (y * image.width + toX) * channels);
    out.set(row, ((y - top) * width + fromX - left) * channels);
  }
  return { width, height, channels, data: out };
}

/** The picture as in a mirror, left for right. */
export function flip(image: Image): Image {
  const { width, height, channels, data } = image;
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * channels;
      out.set(data.subarray(from, from + channels), (y * width + width - 1 - x) * channels);
    }
  }
  return { width, height, channels, data: out };
}
