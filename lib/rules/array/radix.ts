import { type DType, FLOAT32, type NumberStore } from './dtype.ts';

/** Below this many elements a comparison sort is as fast. */
const SMALL = 256;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * The order of `count` numbers from `start`: their indexes, lowest first, NaN last, equal ones as they came. A radix sort
 * over the bits of the numbers, several times faster than sorting by comparison.
 */
export function sortedIndexes(data: NumberStore, start: number, count: number, dtype: DType): Uint32Array {
  if (count < SMALL) return byComparison(data, start, count);
  return dtype === FLOAT32 ? byBits32(data, start, count) : byBits64(data, start, count);
}

/** The numbers themselves in order, NaN last. */
export function sortedNumbers(data: NumberStore, start: number, count: number, dtype: DType): NumberStore {
  if (count < SMALL || (dtype.kind !== 'float' && dtype.bits < 64)) return data.slice(start, start + count).sort();
  const order = sortedIndexes(data, start, count, dtype);
  const out = dtype.numbers(count);
  for (let i = 0; i < count; i++) out[i] = data[start + (order[i] as number)] as number;
  return out;
}

function byComparison(data: NumberStore, start: number, count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  return order.sort((i, j) => compareNumbers(data[start + i] as number, data[start + j] as number) || i - j);
}

function compareNumbers(x: number, y: number): number {
  if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
  return Number.isNaN(y) ? -1 : x - y;
}

function byBits32(data: NumberStore, start: number, count: number): Uint32Array {
  const floats = new Float32Array(count);
  for (let i = 0; i < count; i++) floats[i] = ordered(data[start + i] as number);
  const keys = new Uint32Array(floats.buffer);
  for (let i = 0; i < count; i++) keys[i] = sortable(keys[i] as number);
  return passes(keys, identity(count), 32);
}

function byBits64(data: NumberStore, start: number, count: number): Uint32Array {
  const floats = new Float64Array(count);
  for (let i = 0; i < count; i++) floats[i] = ordered(data[start + i] as number);
  const words = new Uint32Array(floats.buffer);
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const top = words[2 * i + 1] as number;
    high[i] = sortable(top);
    low[i] = top & 0x80000000 ? ~(words[2 * i] as number) : (words[2 * i] as number);
  }
  return passes(high, passes(low, identity(count), 32), 32);
}

/** All NaN alike and positive, minus zero as zero: what compares equal has equal bits. */
function ordered(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value + 0;
}

/** The high bits of a float as a whole number of the same order. */
function sortable(bits: number): number {
  return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

function identity(count: number): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return order;
}

/** Sorts indexes by their keys, digit by digit from the lowest; each pass keeps the order of the one before. */
function passes(keys: Uint32Array, from: Uint32Array<ArrayBufferLike>, bits: number): Uint32Array {
  let order = from;
  let next: Uint32Array = new Uint32Array(from.length);
  const counts = new Uint32Array(DIGITS);
  for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
    counts.fill(0);
    for (let i = 0; i < keys.length; i++) {
      const digit = ((keys[i] as number) >>> shift) & (DIGITS - 1);
      counts[digit] = (counts[digit] as number) + 1;
    }
    let total = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const here = counts[digit] as number;
      counts[digit] = total;
      total += here;
    }
    for (let i = 0; i < order.length; i++) {
      const index = order[i] as number;
      const digit = ((keys[index] as number) >>> shift) & (DIGITS - 1);
      const place = counts[digit] as number;
      next[place] = index;
      counts[digit] = place + 1;
    }
    [order, next] = [next, order];
  }
  return order;
}
