import type { Evaluation } from '../evaluation.ts';
import { typeError } from '../value/py-error.ts';
import type { Value } from '../value/value.ts';
import { BOOL, type DType, floatResult, settle, TEXT } from './dtype.ts';
import { asArray } from './from-values.ts';
import { NdArray, NpScalar, numbersOf, unwrapped } from './ndarray.ts';

/** A function of each element: its result's type, and the number. */
export interface Elementwise {
  readonly name: string;
  readonly result: (dtype: DType) => DType;
  readonly apply: (value: number) => number;
}

/** Applies a function to each element of whatever numpy takes for an array. */
export function mapElements(map: Elementwise, value: Value, evaluation: Evaluation): Value {
  if (value instanceof NpScalar) {
    const dtype = map.result(value.dtype);
    return new NpScalar(dtype, dtype.fit(map.apply(value.value)));
  }
  const array = asArray(value, evaluation);
  if (array.dtype === TEXT) throw typeError(`np.${map.name} takes numbers, got an array of strings`);
  evaluation.take(array.size);
  const dtype = map.result(array.dtype);
  const out = dtype.numbers(array.size);
  const from = numbersOf(array);
  const { apply } = map;
  for (let i = 0; i < out.length; i++) out[i] = apply(from[array.offset + i] as number);
  settle(dtype, out);
  return unwrapped(new NdArray(dtype, array.shape, out));
}

/** A function whose results are floats. */
export function floatFunction(name: string, apply: (value: number) => number): Elementwise {
  return { name, result: floatResult, apply };
}

/** A function that keeps the type of its argument. */
export function sameTypeFunction(name: string, apply: (value: number) => number): Elementwise {
  return { name, result: (dtype) => dtype, apply };
}

/** A question about each element. */
export function predicate(name: string, apply: (value: number) => boolean): Elementwise {
  return { name, result: () => BOOL, apply: (value) => (apply(value) ? 1 : 0) };
}
