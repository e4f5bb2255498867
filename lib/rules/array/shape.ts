import type { Evaluation } from '../evaluation.ts';
import { valueError } from '../value/py-error.ts';
import { castTo } from './cast.ts';
import { type DType, promote, TEXT } from './dtype.ts';
import { gather, NdArray, showShape, sizeOf, stridesOf } from './ndarray.ts';

/** An axis counted from the front. @throws PyError ValueError for an axis that an array of `ndim` axes lacks. */
export function normalAxis(axis: number, ndim: number): number {
  const normal = axis < 0 ? axis + ndim : axis;
  if (normal >= 0 && normal < ndim) return normal;
  throw valueError(`axis ${axis} is out of bounds for array of dimension ${ndim}`);
}

/** The same elements under another shape; one length may be -1, for whatever is left. */
export function reshape(array: NdArray, shape: readonly number[]): NdArray {
  const unknown = shape.filter((length) => length < 0).length;
  const known = sizeOf(shape.filter((length) => length >= 0));
  const refused = valueError(`cannot reshape array of size ${array.size} into shape ${showShape(shape)}`);
  if (unknown > 1) throw valueError('can only specify one unknown dimension');
  if (shape.some((length) => length < -1)) throw valueError('negative dimensions not allowed');
  if (unknown === 1 && (known === 0 || array.size % known !== 0)) throw refused;
  const full = shape.map((length) => (length < 0 ? array.size / known : length));
  if (sizeOf(full) !== array.size) throw refused;
  return new NdArray(array.dtype, full, array.store, array.offset);
}

/** The array with its axes in another order (reversed where none is given). */
export function transpose(array: NdArray, axes: readonly number[] | undefined, evaluation: Evaluation): NdArray {
  const order = axes?.map((axis) => normalAxis(axis, array.ndim)) ?? array.shape.map((_, i) => array.ndim - 1 - i);
  if (order.length !== array.ndim) throw valueError("axes don't match array");
  if (new Set(order).size !== order.length) throw valueError('repeated axis in transpose');
  if (array.ndim < 2) return array;
  const shape = order.map((axis) => array.shape[axis] as number);
  const long = order.filter((axis) => array.shape[axis] !== 1);
  // Where only axes of length 1 change places, the elements stay where they are.
  if (long.every((axis, i) => i === 0 || axis > (long[i - 1] as number))) {
    return new NdArray(array.dtype, shape, array.store, array.offset);
  }
  evaluation.take(array.size);
  const strides = stridesOf(array.shape);
  return gather(
    array,
    array.offset,
    shape,
    order.map((axis) => strides[axis] as number),
  );
}

export function moveAxis(array: NdArray, from: number, to: number, evaluation: Evaluation): NdArray {
  if (from === to) return array;
  const order = array.shape.map((_, i) => i).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transpose(array, order, evaluation);
}

/** The array without axes of length 1: all of them, or those given. */
export function squeeze(array: NdArray, axes: readonly number[] | undefined): NdArray {
  const drop = axes?.map((axis) => normalAxis(axis, array.ndim));
  for (const axis of drop ?? []) {
    if (array.shape[axis] !== 1)
      throw valueError('cannot select an axis to squeeze out which has size not equal to one');
  }
  const shape = array.shape.filter((length, axis) => (drop === undefined ? length !== 1 : !drop.includes(axis)));
  return new NdArray(array.dtype, shape, array.store, array.offset);
}

/** Arrays one after another along an axis, which they all must have; `undefined` flattens them first. */
export function concatenate(arrays: readonly NdArray[], axis: number | undefined, evaluation: Evaluation): NdArray {
  const first = arrays[0];
  if (first === undefined) throw valueError('need at least one array to concatenate');
  if (axis === undefined)
    return concatenate(
      arrays.map((array) => reshape(array, [array.size])),
      0,
      evaluation,
    );
  if (first.ndim === 0) throw valueError('zero-dimensional arrays cannot be concatenated');
  const at = normalAxis(axis, first.ndim);
  const dtype = commonDType(arrays);
  let length = 0;
  for (const array of arrays) {
    checkBeside(first, array, at);
    length += array.shape[at] as number;
  }
  const shape = first.shape.with(at, length);
  evaluation.take(sizeOf(shape));
  const out = dtype.elements(sizeOf(shape));
  const outer = sizeOf(shape.slice(0, at));
  let next = 0;
  const cast = arrays.map((array) => castTo(array, dtype, evaluation));
  for (let block = 0; block < outer; block++) {
    for (const array of cast) {
      const width = array.size / outer;
      const from = array.offset + block * width;
      for (let i = 0; i < width; i++) out[next++] = array.store[from + i] as number;
    }
  }
  return new NdArray(dtype, shape, out);
}

function commonDType(arrays: readonly NdArray[]): DType {
  let dtype = (arrays[0] as NdArray).dtype;
  for (const array of arrays) dtype = dtype === TEXT ? TEXT : promote(dtype, array.dtype);
  return dtype;
}

function checkBeside(first: NdArray, other: NdArray, at: number): void {
  if (other.ndim !== first.ndim) {
    throw valueError(
      'all the input array dimensions except for the concatenation axis must match: they have different numbers of dimensions',
    );
  }
  first.shape.forEach((length, axis) => {
    if (axis !== at && other.shape[axis] !== length) {
      throw valueError(
        `all the input array dimensions except for the concatenation axis must match exactly, got ${showShape(first.shape)} and ${showShape(other.shape)}`,
      );
    }
  });
}

/** Arrays of one shape along a new axis. */
export function stack(arrays: readonly NdArray[], axis: number, evaluation: Evaluation): NdArray {
  const first = arrays[0];
  if (first === undefined) throw valueError('need at least one array to stack');
  if (arrays.some((array) => showShape(array.shape) !== showShape(first.shape))) {
    throw valueError('all input arrays must have the same shape');
  }
  const at = normalAxis(axis, first.ndim + 1);
  const shape = first.shape.toSpliced(at, 0, 1);
  return concatenate(
    arrays.map((array) => new NdArray(array.dtype, shape, array.store, array.offset)),
    at,
    evaluation,
  );
}
