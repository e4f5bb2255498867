import { encodePng } from '#lib/image/png.ts';

/** A picture of 8x8 whose pixels tell which one it is: number n is the bytes of n, then a pattern. */
export function digit(n: number, side = 8): Uint8Array {
  const data = Uint8Array.from({ length: side * side }, (_, i) => (n * 7 + i * 13) % 256);
  data[0] = n & 255;
  data[1] = (n >> 8) & 255;
  data[2] = (n >> 16) & 255;
  return data;
}

/** The number that `digit` put into the pixels. */
export function numberOf(pixels: ArrayLike<number>): number {
  return (pixels[0] as number) | ((pixels[1] as number) << 8) | ((pixels[2] as number) << 16);
}

/** `digit(n)` as a PNG. */
export function digitPng(n: number, side = 8): Buffer {
  return encodePng({ width: side, height: side, channels: 1, data: digit(n, side) });
}
