import type { Evaluation } from '../evaluation.ts';
import { valueError } from '../value/py-error.ts';
import { gather, type NdArray, showShape, sizeOf, stridesOf } from './ndarray.ts';

/** The shape that arrays of these shapes take together. @throws PyError ValueError where they do not fit. */
export function broadcastShape(a: readonly number[], b: readonly number[]): readonly number[] {
  if (sameShape(a, b) || b.length === 0) return a;
  if (a.length === 0) return b;
  const ndim = Math.max(a.length, b.length);
  const shape = new Array<number>(ndim);
  for (let axis = 1; axis <= ndim; axis++) {
    const x = a[a.length - axis] ?? 1;
    const y = b[b.length - axis] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw valueError(`operands could not be broadcast together with shapes ${showShape(a)} ${showShape(b)}`);
    }
    shape[ndim - axis] = x === 1 ? y : x;
  }
  return shape;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** The array stretched to a shape that it broadcasts to; the array itself where nothing changes. */
export function broadcastTo(array: NdArray, shape: readonly number[], evaluation: Evaluation): NdArray {
  if (sameShape(array.shape, shape)) return array;
  evaluation.take(sizeOf(shape));
  const own = stridesOf(array.shape);
  const lead = shape.length - array.shape.length;
  const strides = shape.map((_, axis) =>
    axis < lead || array.shape[axis - lead] === 1 ? 0 : (own[axis - lead] as number),
  );
  return gather(array, array.offset, shape, strides);
}
