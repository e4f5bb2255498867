import { type DType, dtypeNamed } from '../array/dtype.ts';
import { NdArray } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import { asIndex } from '../value/index.ts';
import { typeError } from '../value/py-error.ts';
import { truth } from '../value/truth.ts';
import { typeName } from '../value/type-name.ts';
import { PyFunction, PyList, PyTuple, type Value } from '../value/value.ts';

/** A whole number that an argument must be. */
export function wholeNumber(value: Value | undefined, name: string): number {
  const index = value === undefined ? undefined : asIndex(value);
  if (index === undefined) throw typeError(`${name} must be an integer, got ${typeName(value ?? null)}`);
  return index;
}

export function wholeNumberOr(value: Value | undefined, name: string, otherwise: number): number {
  return value === undefined ? otherwise : wholeNumber(value, name);
}

/** A truth value that an argument is, false where it was left out. */
export function flag(value: Value | undefined): boolean {
  return value !== undefined && truth(value);
}

/** One axis or several, `undefined` for all. */
export function axesOf(value: Value | undefined): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof PyTuple) return value.items.map((item) => wholeNumber(item, 'axis'));
  return [wholeNumber(value, 'axis')];
}

/** One axis, `undefined` for none given. */
export function axisOf(value: Value | undefined): number | undefined {
  return value === undefined || value === null ? undefined : wholeNumber(value, 'axis');
}

/** A shape: one length, or a tuple, list or integer array of lengths. */
export function shapeOf(value: Value | undefined): number[] {
  if (value instanceof PyTuple || value instanceof PyList) return value.items.map((item) => wholeNumber(item, 'shape'));
  if (value instanceof NdArray && value.ndim === 1) {
    return Array.from({ length: value.size }, (_, i) => Number(value.store[value.offset + i]));
  }
  return [wholeNumber(value, 'shape')];
}

/** An element type, given as `float`, `np.float32` or a name; `undefined` where none was given. */
export function dtypeOf(value: Value | undefined): DType | undefined {
  if (value === undefined || value === null) return undefined;
  const name = value instanceof PyFunction ? value.name.replace(/^np\./, '') : value;
  const dtype = typeof name === 'string' ? dtypeNamed(name) : undefined;
  if (dtype === undefined)
    throw typeError(`an element type is one of bool, int64, float32, float64, …, got ${typeName(value)}`);
  return dtype;
}

/** A function that an argument (`key`) may be. */
export function callback(value: Value | undefined): ((argument: Value, evaluation: Evaluation) => Value) | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof PyFunction) return value.call;
  throw typeError(`'${typeName(value)}' object is not callable`);
}
