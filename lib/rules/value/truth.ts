import { NdArray, NpScalar } from '../array/ndarray.ts';
import { Predictions } from '../inputs/predictions.ts';
import { PyDict, PySet } from './hashed.ts';
import { valueError } from './py-error.ts';
import { PyFloat, PyList, PyRange, PyTuple, type Value } from './value.ts';

/** Whether a value counts as true, as Python's `bool` says. @throws PyError ValueError for an array of not one element. */
export function truth(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null) return false;
  if (typeof value === 'object') return objectTruth(value);
  return typeof value === 'string' ? value.length > 0 : value !== 0;
}

function objectTruth(value: Exclude<Value, null | boolean | number | bigint | string>): boolean {
  if (value instanceof NpScalar || value instanceof PyFloat) return value.value !== 0;
  if (value instanceof NdArray) return arrayTruth(value);
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length > 0;
  if (value instanceof PyDict || value instanceof PySet || value instanceof Predictions) return value.size > 0;
  return value instanceof PyRange ? value.length > 0 : true;
}

function arrayTruth(array: NdArray): boolean {
  if (array.size === 1) {
    const item = array.store[array.offset];
    return item !== 0 && item !== '';
  }
  if (array.size === 0) {
    throw valueError(
      'The truth value of an empty array is ambiguous. Use `array.size > 0` to check that an array is not empty.',
    );
  }
  throw valueError('The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()');
}
