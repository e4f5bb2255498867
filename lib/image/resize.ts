import { BoxError } from '../error/box-error.ts';
import type { Image } from './image.ts';

/** How a pixel is made of its neighbours. `area` averages what it covers; the others are the usual convolutions. */
export type Filter = 'nearest' | 'area' | 'bilinear' | 'bicubic' | 'lanczos';

interface Kernel {
  readonly support: number;
  readonly weigh: (x: number) => number;
}

const KERNELS: Readonly<Record<Exclude<Filter, 'nearest'>, Kernel>> = {
  area: { support: 0.5, weigh: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weigh: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weigh: cubic },
  lanczos: { support: 3, weigh: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Keys' cubic with a = -1/2, as Pillow has it. */
function cubic(at: number): number {
  const x = Math.abs(at);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const angle = x * Math.PI;
  return Math.sin(angle) / angle;
}

/** Weights are whole numbers of this many bits after the point, so that the result is the same on every machine. */
const PRECISION = 22;
const HALF = 1 << (PRECISION - 1);

/** For every target pixel: the first source pixel, how many, and their weights at `index * taps`. */
interface Weights {
  readonly taps: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly values: Int32Array;
}

/** Resized pictures of the same size follow each other: the weights of the last ones are kept. */
const kept = new Map<string, Weights>();
const MAX_KEPT = 32;
/** Those of a picture of a million rows are a hundred times as many as those of a camera's. */
const MAX_KEPT_WEIGHTS = 256 * 1024;

/** What a picture may have on the way to its size: one of a single column is made wide before it is made low. */
const MAX_PIXELS = 64 * 1024 * 1024;

/** The picture at another size. Convolutions widen with the reduction, so that nothing is skipped. */
export function resize(image: Image, width: number, height: number, filter: Filter = 'lanczos'): Image {
  if (width === image.width && height === image.height) return image;
  checkRoom(image, width, height);
  if (filter === 'nearest') return nearest(image, width, height);
  const wide = width === image.width ? image : acrossRows(image, width, weightsOf(image.width, width, filter));
  return height === image.height ? wide : downColumns(wide, height, weightsOf(image.height, height, filter));
}

function checkRoom(image: Image, width: number, height: number): void {
  if (width * Math.max(height, image.height) <= MAX_PIXELS) return;
  const sizes = `${image.width}x${image.height} to ${width}x${height}`;
  throw new BoxError('too_large', `Cannot resize image: at most ${MAX_PIXELS} pixels are made, got ${sizes}`);
}

function weightsOf(from: number, to: number, filter: Exclude<Filter, 'nearest'>): Weights {
  const key = `${filter} ${from} ${to}`;
  const known = kept.get(key);
  if (known) return known;
  const made = makeWeights(from, to, KERNELS[filter]);
  if (made.values.length > MAX_KEPT_WEIGHTS) return made;
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, made);
  return made;
}

function makeWeights(from: number, to: number, { support, weigh }: Kernel): Weights {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const reach = support * stretch;
  const taps = Math.ceil(reach) * 2 + 1;
  const weights = { taps, first: new Int32Array(to), count: new Int32Array(to), values: new Int32Array(to * taps) };
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const exact = Array.from({ length: end - first }, (_, k) => weigh((k + first - centre + 0.5) / stretch));
    const sum = exact.reduce((total, weight) => total + weight, 0);
    weights.first[i] = first;
    weights.count[i] = exact.length;
    exact.forEach((weight, k) => {
      const share = (sum === 0 ? weight : weight / sum) * (1 << PRECISION);
      weights.values[i * taps + k] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
  }
  return weights;
}

function clamp(sum: number): number {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function acrossRows(image: Image, width: number, weights: Weights): Image {
  const { channels, height, data } = image;
  const out = new Uint8Array(width * height * channels);
  const row = channels === 3 ? rowOfThree : channels === 1 ? rowOfOne : rowOfAny;
  for (let y = 0; y < height; y++) row(data, y * image.width * channels, out, y * width * channels, weights, channels);
  return { width, height, channels, data: out };
}

/** Makes one row of the target. Three channels at a time read each weight once, which makes three times the speed. */
type RowMaker = (
  data: Uint8Array,
  start: number,
  out: Uint8Array,
  to: number,
  weights: Weights,
  channels: number,
) => void;

const rowOfThree: RowMaker = (data, start, out, to, { taps, first, count, values }) => {
  for (let x = 0, at = to; x < first.length; x++, at += 3) {
    let from = start + (first[x] as number) * 3;
    const end = x * taps + (count[x] as number);
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    for (let k = x * taps; k < end; k++, from += 3) {
      const weight = values[k] as number;
      red = (red + Math.imul(data[from] as number, weight)) | 0;
      green = (green + Math.imul(data[from + 1] as number, weight)) | 0;
      blue = (blue + Math.imul(data[from + 2] as number, weight)) | 0;
    }
    out[at] = clamp(red);
    out[at + 1] = clamp(green);
    out[at + 2] = clamp(blue);
  }
};

const rowOfOne: RowMaker = (data, start, out, to, { taps, first, count, values }) => {
  for (let x = 0; x < first.length; x++) {
    let from = start + (first[x] as number);
    const end = x * taps + (count[x] as number);
    let sum = HALF;
    for (let k = x * taps; k < end; k++, from++) {
      sum = (sum + Math.imul(data[from] as number, values[k] as number)) | 0;
    }
    out[to + x] = clamp(sum);
  }
};

const rowOfAny: RowMaker = (data, start, out, to, { taps, first, count, values }, channels) => {
  let at = to;
  for (let x = 0; x < first.length; x++) {
    const from = start + (first[x] as number) * channels;
    const n = count[x] as number;
    for (let c = 0; c < channels; c++) {
      let sum = HALF;
      for (let k = 0; k < n; k++) {
        sum = (sum + Math.imul(data[from + k * channels + c] as number, values[x * taps + k] as number)) | 0;
      }
      out[at++] = clamp(sum);
    }
  }
};

/** Four neighbours at a time: each weight is read once for them, and their sums stay where they are added up. */
function downColumns(image: Image, height: number, weights: Weights): Image {
  const { channels, width, data } = image;
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  const fours = stride - (stride % 4);
  for (let y = 0; y < height; y++) {
    const to = y * stride;
    for (let i = 0; i < fours; i += 4) fourDown(data, i, out, to + i, { weights, y, stride });
    for (let i = fours; i < stride; i++) out[to + i] = oneDown(data, i, { weights, y, stride });
  }
  return { width, height, channels, data: out };
}

interface Down {
  readonly weights: Weights;
  /** The row of the target. */
  readonly y: number;
  readonly stride: number;
}

/** Sums fit 32 bits: 255 times 2^22, and some lobes. */
function fourDown(data: Uint8Array, column: number, out: Uint8Array, to: number, { weights, y, stride }: Down): void {
  const { taps, first, count, values } = weights;
  const end = y * taps + (count[y] as number);
  let from = (first[y] as number) * stride + column;
  let a = HALF;
  let b = HALF;
  let c = HALF;
  let d = HALF;
  for (let k = y * taps; k < end; k++, from += stride) {
    const weight = values[k] as number;
    a = (a + Math.imul(data[from] as number, weight)) | 0;
    b = (b + Math.imul(data[from + 1] as number, weight)) | 0;
    c = (c + Math.imul(data[from + 2] as number, weight)) | 0;
    d = (d + Math.imul(data[from + 3] as number, weight)) | 0;
  }
  out[to] = clamp(a);
  out[to + 1] = clamp(b);
  out[to + 2] = clamp(c);
  out[to + 3] = clamp(d);
}

function oneDown(data: Uint8Array, column: number, { weights, y, stride }: Down): number {
  const { taps, first, count, values } = weights;
  const end = y * taps + (count[y] as number);
  let from = (first[y] as number) * stride + column;
  let sum = HALF;
  for (let k = y * taps; k < end; k++, from += stride) {
    sum = (sum + Math.imul(data[from] as number, values[k] as number)) | 0;
  }
  return clamp(sum);
}

function nearest(image: Image, width: number, height: number): Image {
  const { channels, data } = image;
  const out = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * image.height) / height) * image.width;
    for (let x = 0; x < width; x++) {
      const from = (row + Math.floor(((x + 0.5) * image.width) / width)) * channels;
      for (let c = 0; c < channels; c++) out[to++] = data[from + c] as number;
    }
  }
  return { width, height, channels, data: out };
}
