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

/** The picture at another size. Convolutions widen with the reduction, so that nothing is skipped. */
export function resize(image: Image, width: number, height: number, filter: Filter = 'lanczos'): Image {
  if (width === image.width && height === image.height) return image;
  if (filter === 'nearest') return nearest(image, width, height);
  const wide = width === image.width ? image : acrossRows(image, width, weightsOf(image.width, width, filter));
  return height === image.height ? wide : downColumns(wide, height, weightsOf(image.height, height, filter));
}

function weightsOf(from: number, to: number, filter: Exclude<Filter, 'nearest'>): Weights {
  const key = `${filter} ${from} ${to}`;
  const known = kept.get(key);
  if (known) return known;
  const made = makeWeights(from, to, KERNELS[filter]);
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
  const { taps, first, count, values } = weights;
  const out = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = y * image.width * channels;
    for (let x = 0; x < width; x++) {
      const from = row + (first[x] as number) * channels;
      const n = count[x] as number;
      for (let c = 0; c < channels; c++) {
        let sum = HALF;
        for (let k = 0; k < n; k++) {
          sum += (data[from + k * channels + c] as number) * (values[x * taps + k] as number);
        }
        out[to++] = clamp(sum);
      }
    }
  }
  return { width, height, channels, data: out };
}

function downColumns(image: Image, height: number, weights: Weights): Image {
  const { channels, width, data } = image;
  const { taps, first, count, values } = weights;
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const from = (first[y] as number) * stride;
    const n = count[y] as number;
    for (let i = 0; i < stride; i++) {
      let sum = HALF;
      for (let k = 0; k < n; k++) sum += (data[from + k * stride + i] as number) * (values[y * taps + k] as number);
      out[to++] = clamp(sum);
    }
  }
  return { width, height, channels, data: out };
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
