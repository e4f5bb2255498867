import { PyError, typeError, valueError } from '../value/py-error.ts';
import { BOOL, type DType, type NumberStore, type Store, TEXT } from './dtype.ts';

/** As many as numpy allows. */
const MAX_NDIM = 64;

/**
 * An n-dimensional array. Its elements lie row-major and without gaps from `offset`; rules cannot assign, so views
 * share memory and nobody can tell.
 */
export class NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly store: Store;
  readonly offset: number;
  readonly size: number;

  constructor(dtype: DType, shape: readonly number[], store: Store, offset = 0) {
    if (shape.length > MAX_NDIM) throw valueError(`an array may have ${MAX_NDIM} dimensions, got ${shape.length}`);
    this.dtype = dtype;
    this.shape = shape;
    this.store = store;
    this.offset = offset;
    this.size = sizeOf(shape);
    if (this.size === 0) checkEmpty(shape);
  }

  get ndim(): number {
    return this.shape.length;
  }

  get typeName(): string {
    return 'ndarray';
  }
}

/** Lists of nothing, and results of an axis that has nothing, take room all the same. */
const MAX_EMPTY = 1_000_000;

function checkEmpty(shape: readonly number[]): void {
  if (!(sizeOf(shape.map((length) => length || 1)) <= MAX_EMPTY))
    throw new PyError('BudgetError', `an array without elements may have lengths of ${MAX_EMPTY} together`);
}

/** A numpy scalar: one element with its type. Booleans are 0 and 1. */
export class NpScalar {
  readonly dtype: DType;
  readonly value: number;

  constructor(dtype: DType, value: number) {
    this.dtype = dtype;
    this.value = value;
  }

  get typeName(): string {
    return this.dtype.name;
  }
}

export const NP_TRUE: NpScalar = new NpScalar(BOOL, 1);
export const NP_FALSE: NpScalar = new NpScalar(BOOL, 0);

export function npBool(truth: boolean): NpScalar {
  return truth ? NP_TRUE : NP_FALSE;
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** A numeric array's memory; index it from `offset`. */
export function numbersOf(array: NdArray): NumberStore {
  if (array.dtype === TEXT) throw typeError('this operation takes numbers, got an array of strings');
  return array.store as NumberStore;
}

/** The element at `index` (row-major) as a scalar; text elements as text. */
export function elementAt(array: NdArray, index: number): NpScalar | string {
  const item = array.store[array.offset + index];
  if (typeof item === 'string') return item;
  if (array.dtype === BOOL) return item === 0 ? NP_FALSE : NP_TRUE;
  return new NpScalar(array.dtype, item as number);
}

/** The array, or its one element where it has no dimensions, as numpy's functions answer. */
export function unwrapped(array: NdArray): NdArray | NpScalar | string {
  return array.shape.length === 0 ? elementAt(array, 0) : array;
}

/** Steps between elements along each axis, of a row-major array of this shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis] as number;
  }
  return strides;
}

/** Copies the elements at `offset` plus multiples of `strides` into new row-major memory of `shape`. */
export function gather(source: NdArray, offset: number, shape: readonly number[], strides: readonly number[]): NdArray {
  const size = sizeOf(shape);
  const out = source.dtype.elements(size);
  const from = source.store;
  const inner = shape.length - 1;
  if (size === 0) return new NdArray(source.dtype, shape, out);
  if (inner < 0) {
    out[0] = from[offset] as number;
    return new NdArray(source.dtype, shape, out);
  }
  const index = new Array<number>(shape.length).fill(0);
  const width = shape[inner] as number;
  const step = strides[inner] as number;
  let at = offset;
  for (let next = 0; next < size; ) {
    for (let i = 0, from0 = at; i < width; i++, from0 += step) out[next++] = from[from0] as number;
    for (let axis = inner - 1; axis >= 0; axis--) {
      at += strides[axis] as number;
      const reached = (index[axis] as number) + 1;
      if (reached < (shape[axis] as number)) {
        index[axis] = reached;
        break;
      }
      at -= reached * (strides[axis] as number);
      index[axis] = 0;
    }
  }
  return new NdArray(source.dtype, shape, out);
}

/** A shape as Python writes it. */
export function showShape(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
}
