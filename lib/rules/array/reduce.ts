import type { Evaluation } from '../evaluation.ts';
import { valueError } from '../value/py-error.ts';
import type { Value } from '../value/value.ts';
import { BOOL, type DType, FLOAT32, FLOAT64, INT64, type NumberStore, settle, UINT64 } from './dtype.ts';
import { NdArray, numbersOf, sizeOf, unwrapped } from './ndarray.ts';
import { pairwiseSum, pairwiseSum32 } from './pairwise.ts';
import { normalAxis, transpose } from './shape.ts';

/** `count` elements of an array, `step` apart. */
export interface Run {
  readonly data: NumberStore;
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** A function from many elements to one. */
export interface Reduction {
  readonly name: string;
  /** The type of the result for elements of a type. */
  readonly result: (dtype: DType) => DType;
  readonly apply: (run: Run, dtype: DType) => number;
  /** Whether no elements at all are an error. */
  readonly needsElements: boolean;
}

export interface ReduceOptions {
  /** The axes to reduce over; `undefined` for all. */
  readonly axes: readonly number[] | undefined;
  readonly keepdims: boolean;
}

/** Reduces an array over axes. @throws PyError ValueError for an axis that it lacks, or for no elements where there must be some. */
export function reduce(reduction: Reduction, array: NdArray, options: ReduceOptions, evaluation: Evaluation): Value {
  const axes = options.axes?.map((axis) => normalAxis(axis, array.ndim));
  if (axes !== undefined && new Set(axes).size !== axes.length) throw valueError("duplicate value in 'axis'");
  evaluation.take(array.size);
  const over = axes ?? array.shape.map((_, axis) => axis);
  const kept = keptShape(array.shape, over, options.keepdims);
  const lanes = lanesOf(array, over, evaluation);
  if (lanes.count === 0 && reduction.needsElements && lanes.outer * lanes.inner > 0) throw noElements(reduction.name);
  const dtype = reduction.result(array.dtype);
  const out = dtype.numbers(lanes.outer * lanes.inner);
  reduceLanes(reduction, lanes, array.dtype, out);
  settle(dtype, out);
  return unwrapped(new NdArray(dtype, kept, out));
}

function noElements(name: string): Error {
  if (name.startsWith('arg')) return valueError(`attempt to get ${name} of an empty sequence`);
  return valueError(`zero-size array to reduction operation ${name} which has no identity`);
}

function keptShape(shape: readonly number[], over: readonly number[], keepdims: boolean): number[] {
  if (keepdims) return shape.map((length, axis) => (over.includes(axis) ? 1 : length));
  return shape.filter((_, axis) => !over.includes(axis));
}

/** An array as `outer` blocks of `count` rows of `inner` elements; reduced over the rows. */
interface Lanes {
  readonly data: NumberStore;
  readonly start: number;
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
}

function lanesOf(array: NdArray, over: readonly number[], evaluation: Evaluation): Lanes {
  const { shape } = array;
  const sorted = [...over].sort((a, b) => a - b);
  const neighbours = sorted.every((axis, i) => i === 0 || axis === (sorted[i - 1] as number) + 1);
  if (!neighbours) {
    const left = shape.map((_, axis) => axis).filter((axis) => !over.includes(axis));
    const moved = transpose(array, [...left, ...sorted], evaluation);
    return lanesOf(
      moved,
      sorted.map((_, i) => left.length + i),
      evaluation,
    );
  }
  const first = sorted[0] ?? shape.length;
  const outer = sizeOf(shape.slice(0, first));
  const count = sizeOf(shape.slice(first, first + sorted.length));
  return {
    data: numbersOf(array),
    start: array.offset,
    outer,
    count,
    inner: sizeOf(shape.slice(first + sorted.length)),
  };
}

function reduceLanes(reduction: Reduction, lanes: Lanes, dtype: DType, out: NumberStore): void {
  const { data, outer, count, inner } = lanes;
  let next = 0;
  for (let block = 0; block < outer; block++) {
    const start = lanes.start + block * count * inner;
    for (let i = 0; i < inner; i++)
      out[next++] = reduction.apply({ data, start: start + i, count, step: inner }, dtype);
  }
}

/** The sum in the precision that numpy has for this type. */
export function sumOf(run: Run, dtype: DType): number {
  const { data, start, count, step } = run;
  if (step === 1 && data instanceof Uint8Array) return sumOfBytes(data, start, count);
  if (step === 1) return dtype === FLOAT32 ? pairwiseSum32(data, start, count) : pairwiseSum(data, start, count);
  const end = start + count * step;
  let sum = -0;
  if (dtype === FLOAT32) {
    for (let i = start; i < end; i += step) sum = Math.fround(sum + Math.fround(data[i] as number));
  } else {
    for (let i = start; i < end; i += step) sum += data[i] as number;
  }
  return sum;
}

/** Masks are summed more than anything else. */
function sumOfBytes(data: Uint8Array, start: number, count: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const end = start + count;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    s0 += data[i] as number;
    s1 += data[i + 1] as number;
    s2 += data[i + 2] as number;
    s3 += data[i + 3] as number;
  }
  for (; i < end; i++) s0 += data[i] as number;
  return s0 + s1 + s2 + s3;
}

/** The type that sums and products of a type have. */
function accumulated(dtype: DType): DType {
  if (dtype.kind === 'float') return dtype;
  return dtype.kind === 'uint' ? UINT64 : INT64;
}

function averaged(dtype: DType): DType {
  return dtype.kind === 'float' ? dtype : FLOAT64;
}

const same = (dtype: DType): DType => dtype;

export const SUM: Reduction = {
  name: 'add',
  result: accumulated,
  apply: (run, dtype) => sumOf(run, dtype) + 0,
  needsElements: false,
};

export const PROD: Reduction = { name: 'multiply', result: accumulated, apply: productOf, needsElements: false };
export const MEAN: Reduction = {
  name: 'mean',
  result: averaged,
  apply: (run, dtype) => averaged(dtype).fit((sumOf(run, dtype) + 0) / run.count),
  needsElements: false,
};
export const MAX: Reduction = { name: 'maximum', result: same, apply: maxOf, needsElements: true };
export const MIN: Reduction = { name: 'minimum', result: same, apply: minOf, needsElements: true };
export const ARGMAX: Reduction = { name: 'argmax', result: () => INT64, apply: argmaxOf, needsElements: true };
export const ARGMIN: Reduction = { name: 'argmin', result: () => INT64, apply: argminOf, needsElements: true };
export const ANY: Reduction = { name: 'any', result: () => BOOL, apply: anyOf, needsElements: false };
export const ALL: Reduction = { name: 'all', result: () => BOOL, apply: allOf, needsElements: false };
export const COUNT_NONZERO: Reduction = { name: 'count', result: () => INT64, apply: countOf, needsElements: false };

/** The variance about the mean, divided by `count - ddof`; its root where asked. */
export function variance(ddof: number, root: boolean): Reduction {
  return {
    name: root ? 'std' : 'var',
    result: averaged,
    apply: (run, dtype) => {
      const squares = varianceOf(run, averaged(dtype), dtype, ddof);
      return root ? Math.sqrt(squares) : squares;
    },
    needsElements: false,
  };
}

function varianceOf(run: Run, result: DType, dtype: DType, ddof: number): number {
  const { data, start, count, step } = run;
  const mean = result.fit((sumOf(run, dtype) + 0) / count);
  const squares = result.numbers(count);
  for (let i = 0, at = start; i < count; i++, at += step) {
    const difference = result.fit((data[at] as number) - mean);
    squares[i] = difference * difference;
  }
  const sum = sumOf({ data: squares, start: 0, count, step: 1 }, result) + 0;
  return result.fit(sum / Math.max(count - ddof, 0));
}

function productOf(run: Run, dtype: DType): number {
  const { data, start, count, step } = run;
  let product = 1;
  const narrow = dtype === FLOAT32;
  for (let i = 0, at = start; i < count; i++, at += step) {
    product *= data[at] as number;
    if (narrow) product = Math.fround(product);
  }
  return dtype.kind === 'float' ? product : product + 0;
}

/** NaN wins over everything, as numpy has it. */
function maxOf(run: Run): number {
  const { data, start, count, step } = run;
  let best = data[start] as number;
  for (let i = 1, at = start + step; i < count; i++, at += step) {
    const item = data[at] as number;
    // False for what is greater and for NaN alike.
    if (!(item <= best)) {
      if (Number.isNaN(best)) return best;
      best = item;
    }
  }
  return best;
}

function minOf(run: Run): number {
  const { data, start, count, step } = run;
  let best = data[start] as number;
  for (let i = 1, at = start + step; i < count; i++, at += step) {
    const item = data[at] as number;
    if (!(item >= best)) {
      if (Number.isNaN(best)) return best;
      best = item;
    }
  }
  return best;
}

function argmaxOf(run: Run): number {
  const { data, start, count, step } = run;
  let best = data[start] as number;
  let index = 0;
  for (let i = 1, at = start + step; i < count; i++, at += step) {
    const item = data[at] as number;
    if (!(item <= best)) {
      if (Number.isNaN(best)) return index;
      best = item;
      index = i;
    }
  }
  return index;
}

function argminOf(run: Run): number {
  const { data, start, count, step } = run;
  let best = data[start] as number;
  let index = 0;
  for (let i = 1, at = start + step; i < count; i++, at += step) {
    const item = data[at] as number;
    if (!(item >= best)) {
      if (Number.isNaN(best)) return index;
      best = item;
      index = i;
    }
  }
  return index;
}

function anyOf(run: Run): number {
  const { data, start, count, step } = run;
  for (let i = 0, at = start; i < count; i++, at += step) if (data[at] !== 0) return 1;
  return 0;
}

function allOf(run: Run): number {
  const { data, start, count, step } = run;
  for (let i = 0, at = start; i < count; i++, at += step) if (data[at] === 0) return 0;
  return 1;
}

function countOf(run: Run): number {
  const { data, start, count, step } = run;
  let found = 0;
  for (let i = 0, at = start; i < count; i++, at += step) if (data[at] !== 0) found++;
  return found;
}
