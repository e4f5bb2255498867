import type { Evaluation } from '../evaluation.ts';
import { typeError } from '../value/py-error.ts';
import type { Value } from '../value/value.ts';
import { BOOL, type DType, floatResult, type NumberStore, settle, TEXT } from './dtype.ts';
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
  applyToAll(map.apply, from, array.offset, out);
  settle(dtype, out);
  return unwrapped(new NdArray(dtype, array.shape, out));
}

/** The common functions have a loop of their own, into which the compiler puts them; others are called for each element. */
function applyToAll(apply: (value: number) => number, from: NumberStore, start: number, out: NumberStore): void {
  const n = out.length;
  if (apply === Math.exp) for (let i = 0; i < n; i++) out[i] = Math.exp(from[start + i] as number);
  else if (apply === Math.log) for (let i = 0; i < n; i++) out[i] = Math.log(from[start + i] as number);
  else if (apply === Math.sqrt) for (let i = 0; i < n; i++) out[i] = Math.sqrt(from[start + i] as number);
  else if (apply === Math.abs) for (let i = 0; i < n; i++) out[i] = Math.abs(from[start + i] as number);
  else for (let i = 0; i < n; i++) out[i] = apply(from[start + i] as number);
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
