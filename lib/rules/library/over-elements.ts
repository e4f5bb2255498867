import { BOOL, INT64, TEXT } from '../array/dtype.ts';
import { elementAt, NdArray, NpScalar, numbersOf } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import type { Value } from '../value/value.ts';

/** A value as an array that builtins can walk number by number, without a scalar for each; `undefined` for any other. */
export function numbersIn(value: Value): NdArray | undefined {
  return value instanceof NdArray && value.ndim === 1 && value.size > 0 && value.dtype !== TEXT ? value : undefined;
}

/** Python's `sum` over an array adds one element after another, in the array's own type. */
export function sumElements(array: NdArray, evaluation: Evaluation): NpScalar {
  evaluation.spend(array.size);
  const dtype = array.dtype === BOOL ? INT64 : array.dtype;
  const data = numbersOf(array);
  let sum = 0;
  for (let i = array.offset; i < array.offset + array.size; i++) sum = dtype.fit(sum + (data[i] as number));
  return new NpScalar(dtype, sum);
}

/** Python's `min` and `max` ask only whether one is less or greater, so a NaN stays where it comes first and is skipped after. */
export function extremeElement(which: 'min' | 'max', array: NdArray, evaluation: Evaluation): Value {
  evaluation.spend(array.size);
  const data = numbersOf(array);
  const end = array.offset + array.size;
  let best = array.offset;
  if (which === 'max') {
    for (let i = best + 1; i < end; i++) if ((data[i] as number) > (data[best] as number)) best = i;
  } else {
    for (let i = best + 1; i < end; i++) if ((data[i] as number) < (data[best] as number)) best = i;
  }
  return elementAt(array, best - array.offset);
}

/** Whether any element's truth is the one that decides. */
export function anyElement(array: NdArray, deciding: boolean, evaluation: Evaluation): boolean {
  evaluation.spend(array.size);
  const data = numbersOf(array);
  for (let i = array.offset; i < array.offset + array.size; i++) if ((data[i] !== 0) === deciding) return true;
  return false;
}
