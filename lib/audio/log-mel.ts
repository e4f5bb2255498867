import { openFft } from './fft.ts';

/** A mel spectrogram as librosa's `feature.melspectrogram` and `power_to_db` make it; their names and defaults. */
export interface MelOptions {
  readonly rate: number;
  readonly nFft: number;
  readonly hopLength: number;
  readonly winLength: number;
  readonly nMels: number;
  readonly fmin: number;
  readonly fmax: number;
  readonly htk: boolean;
  readonly norm: 'slaney' | 'none';
  readonly power: number;
  readonly center: boolean;
  /** What decibels are relative to: a number or the largest value; undefined leaves the values as they are. */
  readonly ref: number | 'max' | undefined;
  readonly amin: number;
  readonly topDb: number | undefined;
}

export interface Mel {
  /** `bands` rows of `frames` values. */
  readonly data: Float64Array;
  readonly bands: number;
  readonly frames: number;
}

/** A spectrogram of one set of options, its tables made once. */
export function openMel(options: MelOptions): (samples: Float64Array) => Mel {
  const { nFft, hopLength, nMels, center, power } = options;
  const fft = openFft(nFft);
  const window = paddedWindow(options);
  const bands = melFilters(options);
  const [real, imaginary] = [new Float64Array(nFft), new Float64Array(nFft)];
  const spectrum = new Float64Array((nFft >> 1) + 1);
  return (samples) => {
    const shift = center ? nFft >> 1 : 0;
    const length = samples.length + 2 * shift;
    const frames = length < nFft ? 0 : 1 + Math.floor((length - nFft) / hopLength);
    const data = new Float64Array(nMels * frames);
    for (let frame = 0; frame < frames; frame++) {
      const start = frame * hopLength - shift;
      for (let i = 0; i < nFft; i++) real[i] = (samples[start + i] ?? 0) * (window[i] as number);
      imaginary.fill(0);
      fft.transform(real, imaginary);
      for (let k = 0; k < spectrum.length; k++)
        spectrum[k] = magnitude(real[k] as number, imaginary[k] as number, power);
      for (const [band, { first, weights }] of bands.entries()) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += (weights[k] as number) * (spectrum[first + k] as number);
        data[band * frames + frame] = sum;
      }
    }
    return { data: options.ref === undefined ? data : decibels(data, options), bands: nMels, frames };
  };
}

function magnitude(real: number, imaginary: number, power: number): number {
  const square = real * real + imaginary * imaginary;
  return power === 2 ? square : square ** (power / 2);
}

/** A periodic Hann window, padded with zeros on both sides to the transform's length. */
function paddedWindow({ nFft, winLength }: MelOptions): Float64Array {
  const window = new Float64Array(nFft);
  const start = Math.floor((nFft - winLength) / 2);
  for (let i = 0; i < winLength; i++) window[start + i] = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / winLength);
  return window;
}

interface Band {
  readonly first: number;
  readonly weights: Float64Array;
}

/** Triangles over the transform's frequencies (librosa.filters.mel). */
function melFilters(options: MelOptions): Band[] {
  const { nFft, rate, nMels, fmin, fmax, htk, norm } = options;
  const [low, high] = [toMel(fmin, htk), toMel(fmax, htk)];
  const edges = Array.from({ length: nMels + 2 }, (_, i) => fromMel(low + ((high - low) * i) / (nMels + 1), htk));
  return Array.from({ length: nMels }, (_, band) => {
    const [left, middle, right] = edges.slice(band, band + 3) as [number, number, number];
    const scale = norm === 'slaney' ? 2 / (right - left) : 1;
    const weights = Array.from({ length: (nFft >> 1) + 1 }, (_, k) => {
      const frequency = (k * rate) / nFft;
      const rising = (frequency - left) / (middle - left);
      const falling = (right - frequency) / (right - middle);
      return Math.max(0, Math.min(rising, falling)) * scale;
    });
    const first = Math.max(
      0,
      weights.findIndex((weight) => weight > 0),
    );
    const end = weights.findLastIndex((weight) => weight > 0) + 1;
    return { first, weights: Float64Array.from(weights.slice(first, Math.max(first, end))) };
  });
}

/** Slaney's scale: linear up to 1000 Hz, logarithmic above. */
const SLANEY_STEP = 200 / 3;
const SLANEY_KNEE_HZ = 1000;
const SLANEY_KNEE = SLANEY_KNEE_HZ / SLANEY_STEP;
const SLANEY_LOG = Math.log(6.4) / 27;

function toMel(hertz: number, htk: boolean): number {
  if (htk) return 2595 * Math.log10(1 + hertz / 700);
  return hertz < SLANEY_KNEE_HZ ? hertz / SLANEY_STEP : SLANEY_KNEE + Math.log(hertz / SLANEY_KNEE_HZ) / SLANEY_LOG;
}

function fromMel(mel: number, htk: boolean): number {
  if (htk) return 700 * (10 ** (mel / 2595) - 1);
  return mel < SLANEY_KNEE ? mel * SLANEY_STEP : SLANEY_KNEE_HZ * Math.exp(SLANEY_LOG * (mel - SLANEY_KNEE));
}

/** librosa's power_to_db. */
function decibels(data: Float64Array, { ref, amin, topDb }: MelOptions): Float64Array {
  const highest = data.reduce((max, item) => Math.max(max, item), Number.NEGATIVE_INFINITY);
  const reference = 10 * Math.log10(Math.max(amin, ref === 'max' ? highest : Math.abs(ref ?? 1)));
  const out = data.map((item) => 10 * Math.log10(Math.max(amin, item)) - reference);
  if (topDb === undefined) return out;
  const floor = out.reduce((max, item) => Math.max(max, item), Number.NEGATIVE_INFINITY) - topDb;
  return out.map((item) => Math.max(item, floor));
}
