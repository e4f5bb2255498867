import type { Evaluation } from '../evaluation.ts';
import { PyError, valueError } from '../value/py-error.ts';
import { type DType, FLOAT64, INT64, type NumberStore, type Store, TEXT } from './dtype.ts';
import { NdArray, numbersOf } from './ndarray.ts';
import { sortedIndexes, sortedNumbers } from './radix.ts';
import { compareText } from './scalar-operation.ts';
import { leastFrom, select } from './select.ts';
import { moveAxis, normalAxis, reshape } from './shape.ts';

/** `np.sort` along one axis, or flattened; NaN comes last. */
export function sort(array: NdArray, axis: number | undefined, evaluation: Evaluation): NdArray {
  return alongAxis(array, axis, array.dtype, evaluation, (from, start, count, out, at) => {
    if (array.dtype === TEXT) {
      texts(from, start, count)
        .sort(compareText)
        .forEach((text, i) => {
          out[at + i] = text;
        });
      return;
    }
    const lane = sortedNumbers(from as NumberStore, start, count, array.dtype);
    for (let i = 0; i < count; i++) out[at + i] = lane[i] as number;
  });
}

/** `np.argsort` along one axis, or flattened; equal elements keep their order. */
export function argsort(array: NdArray, axis: number | undefined, evaluation: Evaluation): NdArray {
  return alongAxis(array, axis, INT64, evaluation, (from, start, count, out, at) => {
    const order =
      array.dtype === TEXT
        ? textOrder(texts(from, start, count))
        : sortedIndexes(from as NumberStore, start, count, array.dtype);
    for (let i = 0; i < count; i++) out[at + i] = order[i] as number;
  });
}

function texts(from: Store, start: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => from[start + i] as string);
}

function textOrder(lane: readonly string[]): number[] {
  return lane.map((_, i) => i).sort((i, j) => compareText(lane[i] as string, lane[j] as string));
}

type LaneFunction = (from: Store, start: number, count: number, out: Store, at: number) => void;

/** Applies a function to each lane along an axis (`undefined`: to all elements as one), and puts the axis back. */
function alongAxis(
  array: NdArray,
  axis: number | undefined,
  dtype: DType,
  evaluation: Evaluation,
  apply: LaneFunction,
): NdArray {
  if (axis === undefined) return alongAxis(reshape(array, [array.size]), 0, dtype, evaluation, apply);
  const at = normalAxis(axis, array.ndim);
  const moved = moveAxis(array, at, array.ndim - 1, evaluation);
  const count = moved.shape.at(-1) as number;
  evaluation.take(array.size * Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 4)));
  const out = dtype.elements(array.size);
  for (let start = 0; start < array.size; start += count) apply(moved.store, moved.offset + start, count, out, start);
  return moveAxis(new NdArray(dtype, moved.shape, out), array.ndim - 1, at, evaluation);
}

/** `np.cumsum` along one axis, or flattened. */
export function cumsum(array: NdArray, axis: number | undefined, dtype: DType, evaluation: Evaluation): NdArray {
  numbersOf(array);
  return alongAxis(array, axis, dtype, evaluation, (from, start, count, out, at) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum = dtype.fit(sum + (from[start + i] as number));
      out[at + i] = sum;
    }
  });
}

/**
 * A quantile of a lane by linear interpolation, as numpy's default has it; NaN among its elements makes NaN. The gap
 * between two elements is in their own precision (`own`), the rest in that of the result (`result`). The lane's order is lost.
 */
export function quantileOf(lane: NumberStore, count: number, fraction: number, own: DType, result: DType): number {
  if (count === 0 || hasNaN(lane, count)) return Number.NaN;
  const place = (count - 1) * fraction;
  const below = Math.floor(place);
  const low = select(lane, count, below);
  const high = below + 1 < count ? leastFrom(lane, below + 1, count) : low;
  const part = place - below;
  const gap = own.fit(high - low);
  if (part >= 0.5) return result.fit(high - result.fit(gap * result.fit(1 - part)));
  return result.fit(low + result.fit(gap * result.fit(part)));
}

/** The middle element of a lane, or the mean of the two in the middle. The lane's order is lost. */
export function medianOf(lane: NumberStore, count: number): number {
  if (count === 0 || hasNaN(lane, count)) return Number.NaN;
  const below = Math.floor((count - 1) / 2);
  const low = select(lane, count, below);
  return count % 2 === 1 ? low : (low + leastFrom(lane, below + 1, count)) / 2;
}

function hasNaN(lane: NumberStore, count: number): boolean {
  for (let i = 0; i < count; i++) if (Number.isNaN(lane[i])) return true;
  return false;
}

/** @throws PyError ValueError for a fraction that is not from 0 to 1. */
export function checkFraction(fraction: number, what: 'Percentiles' | 'Quantiles'): void {
  if (fraction >= 0 && fraction <= 1) return;
  throw valueError(`${what} must be in the range [0, ${what === 'Quantiles' ? 1 : 100}]`);
}

export function averagedType(dtype: DType): DType {
  if (dtype === TEXT) throw new PyError('TypeError', 'this operation takes numbers, got an array of strings');
  return dtype.kind === 'float' ? dtype : FLOAT64;
}
