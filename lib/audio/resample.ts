/**
 * Samples at another rate by a polyphase filter: `scipy.signal.resample_poly`, which is librosa's
 * `res_type="polyphase"`. `ceil(n * to / from)` samples come out.
 */
export function resample(samples: Float64Array, from: number, to: number): Float64Array {
  if (from === to) return samples;
  const common = greatestCommonDivisor(from, to);
  const [up, down] = [to / common, from / common];
  const { taps, half } = filterOf(up, down);
  const out = new Float64Array(Math.ceil((samples.length * up) / down));
  for (let m = 0; m < out.length; m++) {
    // y[m] = sum over k of x[k] h[m down - k up + half], where h is not 0.
    const centre = m * down + half;
    const first = Math.max(0, Math.ceil((centre - taps.length + 1) / up));
    const last = Math.min(samples.length - 1, Math.floor(centre / up));
    let sum = 0;
    for (let k = first; k <= last; k++) sum += (samples[k] as number) * (taps[centre - k * up] as number);
    out[m] = sum;
  }
  return out;
}

/** The largest filter that is made: rates without a common divisor, such as 44100 and 44101, would need one of millions. */
export const MAX_RATIO = 2000;

/** Whether the rates have a ratio of numbers that a filter can be made for. */
export function canResample(from: number, to: number): boolean {
  const common = greatestCommonDivisor(from, to);
  return Math.max(from, to) / common <= MAX_RATIO;
}

interface LowPass {
  readonly taps: Float64Array;
  readonly half: number;
}

const kept = new Map<string, LowPass>();

function filterOf(up: number, down: number): LowPass {
  const key = `${up}/${down}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = makeFilter(up, down);
  if (kept.size >= 16) kept.clear();
  kept.set(key, made);
  return made;
}

/** A windowed sinc with a Kaiser window of beta 5, its sum brought to `up` (scipy's firwin). */
function makeFilter(up: number, down: number): LowPass {
  const widest = Math.max(up, down);
  const half = 10 * widest;
  const taps = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let i = 0; i < taps.length; i++) {
    const x = (i - half) / widest;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    const tap = (sinc / widest) * kaiser(i, taps.length, 5);
    taps[i] = tap;
    sum += tap;
  }
  return { taps: taps.map((tap) => (tap / sum) * up), half };
}

function kaiser(index: number, length: number, beta: number): number {
  const ratio = (2 * index) / (length - 1) - 1;
  return bessel0(beta * Math.sqrt(Math.max(0, 1 - ratio * ratio))) / bessel0(beta);
}

/** The modified Bessel function of the first kind of order 0, by its power series. */
function bessel0(x: number): number {
  let [term, sum] = [1, 1];
  for (let k = 1; term > sum * 1e-18; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
