import { BOOL } from '../array/dtype.ts';
import { NdArray, NpScalar } from '../array/ndarray.ts';
import type { Value } from './value.ts';

/** The whole number that a value is as an index: ints, bools, integer scalars and 0-d integer arrays; else `undefined`. */
export function asIndex(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof NpScalar) return value.dtype.isInteger ? value.value : undefined;
  if (value instanceof NdArray && value.ndim === 0 && value.dtype !== BOOL && value.dtype.isInteger) {
    return value.store[value.offset] as number;
  }
  return undefined;
}
