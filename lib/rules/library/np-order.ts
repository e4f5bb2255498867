import { castTo } from '../array/cast.ts';
import { type DType, FLOAT64, INT64, type NumberStore, UINT64 } from '../array/dtype.ts';
import { asArray } from '../array/from-values.ts';
import { NdArray, unwrapped } from '../array/ndarray.ts';
import { argsort, averagedType, checkFraction, cumsum, medianOf, quantileOf, sort } from '../array/order.ts';
import { type ReduceOptions, type Reduction, reduce } from '../array/reduce.ts';
import { reshape, stack } from '../array/shape.ts';
import type { Evaluation } from '../evaluation.ts';
import { PyFloat, type Value } from '../value/value.ts';
import { axesOf, axisOf, flag } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

/** The functions of `np` that put elements in order, or ask for their rank. */
export const ORDERING: readonly LibraryFunction[] = [
  defineFunction('np.sort', 'a, axis=', ([a, axis], evaluation) =>
    sort(asArray(a as Value, evaluation), lastAxis(axis), evaluation),
  ),
  defineFunction('np.argsort', 'a, axis=', ([a, axis], evaluation) =>
    argsort(atLeast1d(asArray(a as Value, evaluation)), lastAxis(axis), evaluation),
  ),
  defineFunction('np.cumsum', 'a, axis=', ([a, axis], evaluation) => {
    const array = asArray(a as Value, evaluation);
    const dtype = array.dtype.kind === 'float' ? array.dtype : array.dtype.kind === 'uint' ? UINT64 : INT64;
    return cumsum(array, axisOf(axis), dtype, evaluation);
  }),
  defineFunction('np.median', 'a, axis=, *, keepdims=', ([a, axis, keepdims], evaluation) =>
    median(asArray(a as Value, evaluation), { axes: axesOf(axis), keepdims: flag(keepdims) }, evaluation),
  ),
  quantileFunction('np.percentile', 'Percentiles', 100),
  quantileFunction('np.quantile', 'Quantiles', 1),
];

function atLeast1d(array: NdArray): NdArray {
  return array.ndim === 0 ? reshape(array, [1]) : array;
}

function lastAxis(axis: Value | undefined): number | undefined {
  return axis === undefined ? -1 : axisOf(axis);
}

function quantileFunction(name: string, what: 'Percentiles' | 'Quantiles', whole: number): LibraryFunction {
  return defineFunction(name, 'a, q, axis=, *, keepdims=', ([a, q, axis, keepdims], evaluation) => {
    const options = { axes: axesOf(axis), keepdims: flag(keepdims) };
    const array = asArray(a as Value, evaluation);
    const asked = asArray(q as Value, evaluation);
    const fractions = castTo(asked, FLOAT64, evaluation);
    const results = Array.from({ length: fractions.size }, (_, i) => {
      const fraction = (fractions.store[fractions.offset + i] as number) / whole;
      checkFraction(fraction, what);
      return quantile(array, fraction, typeof q === 'number' || q instanceof PyFloat, options, evaluation);
    });
    const [only] = results;
    if (asked.ndim === 0 && only !== undefined) return unwrapped(only);
    if (only === undefined) return new NdArray(FLOAT64, asked.shape, FLOAT64.numbers(0));
    return reshape(stack(results, 0, evaluation), [...asked.shape, ...only.shape]);
  });
}

/** One quantile over axes. A Python number as the fraction keeps the array's precision, anything else is float64. */
function quantile(
  array: NdArray,
  fraction: number,
  weak: boolean,
  options: ReduceOptions,
  evaluation: Evaluation,
): NdArray {
  const own = averagedType(array.dtype);
  const result = weak ? own : FLOAT64;
  return overLanes(array, result, options, evaluation, (lane, count) => quantileOf(lane, count, fraction, own, result));
}

function median(array: NdArray, options: ReduceOptions, evaluation: Evaluation): Value {
  return unwrapped(overLanes(array, averagedType(array.dtype), options, evaluation, medianOf));
}

/** Reduces over axes by a function that may put each lane, a copy, into another order. */
function overLanes(
  array: NdArray,
  dtype: DType,
  options: ReduceOptions,
  evaluation: Evaluation,
  apply: (lane: NumberStore, count: number) => number,
): NdArray {
  evaluation.take(array.size * 4);
  const reduction: Reduction = {
    name: 'quantile',
    result: () => dtype,
    needsElements: false,
    apply: (run) => {
      const lane = FLOAT64.numbers(run.count);
      for (let i = 0, at = run.start; i < run.count; i++, at += run.step) lane[i] = run.data[at] as number;
      return apply(lane, run.count);
    },
  };
  return asArray(reduce(reduction, array, options, evaluation), evaluation);
}
