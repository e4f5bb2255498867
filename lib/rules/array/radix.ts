import { type DType, FLOAT32, type NumberStore } from './dtype.ts';

/** Below this many elements a comparison sort is as fast. */
const SMALL = 256;
const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const LAST = DIGITS - 1;

/**
 * The order of `count` numbers from `start`: their indexes, lowest first, NaN last, equal ones as they came. A radix sort
 * over the bits of the numbers, several times faster than sorting by comparison.
 */
export function sortedIndexes(data: NumberStore, start: number, count: number, dtype: DType): Uint32Array {
  if (count < SMALL) return byComparison(data, start, count);
  if (dtype === FLOAT32) return sortKeys(keysOfSingles(data, start, count), identity(count));
  const { low, high } = keysOfDoubles(data, start, count);
  const order = sortKeys(low, identity(count));
  const highInOrder = new Uint32Array(count);
  for (let i = 0; i < count; i++) highInOrder[i] = high[order[i] as number] as number;
  return sortKeys(highInOrder, order);
}

/** The numbers themselves in order, NaN last. */
export function sortedNumbers(data: NumberStore, start: number, count: number, dtype: DType): NumberStore {
  if (count < SMALL || (dtype.kind !== 'float' && dtype.bits < 64)) return data.slice(start, start + count).sort();
  if (dtype === FLOAT32) return sortSingles(data, start, count);
  const order = sortedIndexes(data, start, count, dtype);
  const out = dtype.numbers(count);
  for (let i = 0; i < count; i++) out[i] = data[start + (order[i] as number)] as number;
  return out;
}

function byComparison(data: NumberStore, start: number, count: number): Uint32Array {
  const order = identity(count);
  return order.sort((i, j) => compareNumbers(data[start + i] as number, data[start + j] as number) || i - j);
}

function compareNumbers(x: number, y: number): number {
  if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
  return Number.isNaN(y) ? -1 : x - y;
}

function identity(count: number): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return order;
}

/** All NaN alike and positive, minus zero as zero: what compares equal has equal bits. */
function ordered(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value + 0;
}

function keysOfSingles(data: NumberStore, start: number, count: number): Uint32Array {
  const floats = new Float32Array(count);
  for (let i = 0; i < count; i++) floats[i] = ordered(data[start + i] as number);
  const keys = new Uint32Array(floats.buffer);
  // A float's bits order like whole numbers once negative ones are turned over and the sign counts upwards.
  for (let i = 0; i < count; i++) {
    const bits = keys[i] as number;
    keys[i] = bits & 0x80000000 ? ~bits : bits | 0x80000000;
  }
  return keys;
}

function keysOfDoubles(data: NumberStore, start: number, count: number): { low: Uint32Array; high: Uint32Array } {
  const floats = new Float64Array(count);
  for (let i = 0; i < count; i++) floats[i] = ordered(data[start + i] as number);
  const words = new Uint32Array(floats.buffer);
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const bottom = words[2 * i] as number;
    const top = words[2 * i + 1] as number;
    high[i] = top & 0x80000000 ? ~top : top | 0x80000000;
    low[i] = top & 0x80000000 ? ~bottom : bottom;
  }
  return { low, high };
}

/** For each digit, where each of its values begins among keys sorted by it; all three counted in one sweep. */
function startsOf(keys: Uint32Array): readonly Uint32Array[] {
  const [low, middle, high] = [new Uint32Array(DIGITS), new Uint32Array(DIGITS), new Uint32Array(DIGITS)];
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    const a = key & LAST;
    const b = (key >>> DIGIT_BITS) & LAST;
    const c = key >>> (2 * DIGIT_BITS);
    low[a] = (low[a] as number) + 1;
    middle[b] = (middle[b] as number) + 1;
    high[c] = (high[c] as number) + 1;
  }
  for (const counts of [low, middle, high]) {
    let total = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const here = counts[digit] as number;
      counts[digit] = total;
      total += here;
    }
  }
  return [low, middle, high];
}

/** Sorts what belongs to each key by the keys, digit by digit from the lowest; each pass keeps the order of the last. */
function sortKeys(unsorted: Uint32Array, belonging: Uint32Array): Uint32Array {
  const count = unsorted.length;
  let [keys, items] = [unsorted, belonging];
  let [nextKeys, nextItems]: [Uint32Array, Uint32Array] = [new Uint32Array(count), new Uint32Array(count)];
  let shift = 0;
  for (const starts of startsOf(keys)) {
    for (let i = 0; i < count; i++) {
      const key = keys[i] as number;
      const digit = (key >>> shift) & LAST;
      const place = starts[digit] as number;
      starts[digit] = place + 1;
      nextKeys[place] = key;
      nextItems[place] = items[i] as number;
    }
    [keys, nextKeys] = [nextKeys, keys];
    [items, nextItems] = [nextItems, items];
    shift += DIGIT_BITS;
  }
  return items;
}

function sortSingles(data: NumberStore, start: number, count: number): NumberStore {
  let keys = keysOfSingles(data, start, count);
  let next: Uint32Array = new Uint32Array(count);
  let shift = 0;
  for (const starts of startsOf(keys)) {
    for (let i = 0; i < count; i++) {
      const key = keys[i] as number;
      const digit = (key >>> shift) & LAST;
      const place = starts[digit] as number;
      starts[digit] = place + 1;
      next[place] = key;
    }
    [keys, next] = [next, keys];
    shift += DIGIT_BITS;
  }
  for (let i = 0; i < count; i++) {
    const key = keys[i] as number;
    keys[i] = key & 0x80000000 ? key & 0x7fffffff : ~key;
  }
  return new Float32Array(keys.buffer);
}
