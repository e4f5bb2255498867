/** A picture in memory: 8 bits a channel, channels interleaved, row by row from the top left. */
export interface Image {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 2 | 3 | 4;
  /** `width * height * channels` bytes. */
  readonly data: Uint8Array;
}

/** What every decoder is bounded by, before it spends memory on what a header claims. */
export interface DecodeLimits {
  /** The largest `width * height` that is decoded. */
  readonly maxPixels: number;
}

/** The grey picture, by the weights of ITU-R 601 in 16-bit fixed point as Pillow has them; alpha is left out. */
export function toGrey(image: Image): Image {
  const { width, height, channels, data } = image;
  if (channels === 1) return image;
  const grey = new Uint8Array(width * height);
  if (channels === 2) {
    for (let i = 0; i < grey.length; i++) grey[i] = data[2 * i] as number;
  } else {
    for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
      const red = data[at] as number;
      const green = data[at + 1] as number;
      const blue = data[at + 2] as number;
      grey[i] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
    }
  }
  return { width, height, channels: 1, data: grey };
}

/** The picture as RGB: grey is repeated, alpha is left out. */
export function toRgb(image: Image): Image {
  const { width, height, channels, data } = image;
  if (channels === 3) return image;
  const rgb = new Uint8Array(width * height * 3);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < rgb.length; from += channels, to += 3) {
    rgb[to] = data[from] as number;
    rgb[to + 1] = data[from + green] as number;
    rgb[to + 2] = data[from + blue] as number;
  }
  return { width, height, channels: 3, data: rgb };
}
