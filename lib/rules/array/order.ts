import type { Evaluation } from '../evaluation.ts';
import { PyError, valueError } from '../value/py-error.ts';
import { compareText } from './binary.ts';
import { type DType, FLOAT64, INT64, type NumberStore, type Store, TEXT } from './dtype.ts';
import { NdArray, numbersOf } from './ndarray.ts';
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
    const lane = (from as NumberStore).slice(start, start + count).sort();
    for (let i = 0; i < count; i++) out[at + i] = lane[i] as number;
  });
}

/** `np.argsort` along one axis, or flattened; equal elements keep their order. */
export function argsort(array: NdArray, axis: number | undefined, evaluation: Evaluation): NdArray {
  return alongAxis(array, axis, INT64, evaluation, (from, start, count, out, at) => {
    const order = Array.from({ length: count }, (_, i) => i);
    if (array.dtype === TEXT) {
      const lane = texts(from, start, count);
      order.sort((i, j) => compareText(lane[i] as string, lane[j] as string));
    } else {
      const lane = from as NumberStore;
      order.sort((i, j) => compareNumbers(lane[start + i] as number, lane[start + j] as number));
    }
    for (let i = 0; i < count; i++) out[at + i] = order[i] as number;
  });
}

function texts(from: Store, start: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => from[start + i] as string);
}

function compareNumbers(x: number, y: number): number {
  if (Number.isNaN(x)) return Number.isNaN(y) ? 0 : 1;
  return Number.isNaN(y) ? -1 : x - y;
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
 * A quantile of sorted elements by linear interpolation, as numpy's default has it; NaN among them makes NaN. The gap
 * between two elements is in their own precision (`own`), the rest in that of the result (`result`).
 */
export function quantileOfSorted(
  lane: NumberStore,
  count: number,
  fraction: number,
  own: DType,
  result: DType,
): number {
  if (count === 0 || Number.isNaN(lane[count - 1])) return Number.NaN;
  const place = (count - 1) * fraction;
  const below = Math.floor(place);
  const low = lane[below] as number;
  const high = lane[Math.min(below + 1, count - 1)] as number;
  const part = place - below;
  const gap = own.fit(high - low);
  if (part >= 0.5) return result.fit(high - result.fit(gap * result.fit(1 - part)));
  return result.fit(low + result.fit(gap * result.fit(part)));
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
