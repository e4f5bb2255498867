import type { NumberStore } from './dtype.ts';

/** Data made to slow the selection down ends in a plain sort. */
const MAX_ROUNDS = 100;

/**
 * Puts the element of rank `rank` in its place among the first `count`, all lower ones before it and all higher ones
 * behind (Hoare's selection, with the median of three as its pivot). There must be no NaN.
 */
export function select(lane: NumberStore, count: number, rank: number): number {
  let low = 0;
  let high = count - 1;
  for (let round = 0; low < high; round++) {
    if (round > MAX_ROUNDS) {
      lane.subarray(low, high + 1).sort();
      break;
    }
    const pivot = medianOfThree(lane[low] as number, lane[(low + high) >>> 1] as number, lane[high] as number);
    let i = low;
    let j = high;
    while (i <= j) {
      while ((lane[i] as number) < pivot) i++;
      while ((lane[j] as number) > pivot) j--;
      if (i > j) break;
      const held = lane[i] as number;
      lane[i] = lane[j] as number;
      lane[j] = held;
      i++;
      j--;
    }
    if (rank <= j) high = j;
    else if (rank >= i) low = i;
    else break;
  }
  return lane[rank] as number;
}

/** The least of the elements from `from` on, which after `select` is the next higher rank. */
export function leastFrom(lane: NumberStore, from: number, count: number): number {
  let least = lane[from] as number;
  for (let i = from + 1; i < count; i++) if ((lane[i] as number) < least) least = lane[i] as number;
  return least;
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
