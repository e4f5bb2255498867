import { TEXT } from '../array/dtype.ts';
import { NdArray, NpScalar } from '../array/ndarray.ts';
import { floatOfInt, isInt } from './integer.ts';
import { typeError } from './py-error.ts';
import { typeName } from './type-name.ts';
import { PyFloat, type Value } from './value.ts';

/** The number that a value is: ints, bools, floats, numpy scalars and arrays of one element; `undefined` for the rest. */
export function asNumber(value: Value): number | undefined {
  if (value instanceof PyFloat || value instanceof NpScalar) return value.value;
  if (isInt(value)) return floatOfInt(value);
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof NdArray && value.size === 1 && value.dtype !== TEXT) return value.store[value.offset] as number;
  return undefined;
}

/** The same for an argument that must be a number. @throws PyError TypeError for anything else. */
export function numberValue(value: Value, name: string): number {
  const number = asNumber(value);
  if (number === undefined) throw typeError(`${name} must be a number, got ${typeName(value)}`);
  return number;
}
