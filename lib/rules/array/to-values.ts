import type { Evaluation } from '../evaluation.ts';
import { asIndex } from '../value/index.ts';
import { indexError, typeError, valueError } from '../value/py-error.ts';
import { PyFloat, PyList, PyTuple, type Value } from '../value/value.ts';
import type { DType } from './dtype.ts';
import type { NdArray } from './ndarray.ts';

/** One element as Python's own bool, int, float or str. */
export function pythonValue(dtype: DType, item: number | string): Value {
  if (typeof item === 'string') return item;
  if (dtype.kind === 'float') return new PyFloat(item);
  return dtype.kind === 'bool' ? item !== 0 : item;
}

/** `array.tolist()`: nested lists of Python's own values; of an array without dimensions, the value. */
export function toLists(array: NdArray, evaluation: Evaluation): Value {
  evaluation.take(array.size);
  if (array.ndim === 0) return pythonValue(array.dtype, array.store[array.offset] as number | string);
  return listsBelow(array, 0, array.offset, array.size);
}

/** The lists of one axis, of the `size` elements from `offset`. */
function listsBelow(array: NdArray, axis: number, offset: number, size: number): PyList {
  const length = array.shape[axis] as number;
  const items = new Array<Value>(length);
  if (axis === array.ndim - 1) {
    const { dtype, store } = array;
    const floats = dtype.kind === 'float';
    for (let i = 0; i < length; i++) {
      items[i] = floats
        ? new PyFloat(store[offset + i] as number)
        : pythonValue(dtype, store[offset + i] as number | string);
    }
  } else {
    const width = size / Math.max(1, length);
    for (let i = 0; i < length; i++) items[i] = listsBelow(array, axis + 1, offset + i * width, width);
  }
  return new PyList(items);
}

/** `array.item(…)`: the only element, the element at a flat index, or at one index per axis. */
export function itemOf(array: NdArray, index: Value, evaluation: Evaluation): Value {
  evaluation.spend(1);
  const given = index instanceof PyTuple ? index.items : [];
  return pythonValue(array.dtype, array.store[array.offset + flatIndex(array, given)] as number | string);
}

function flatIndex(array: NdArray, given: readonly Value[]): number {
  if (given.length === 0) {
    if (array.size !== 1) throw valueError('can only convert an array of size 1 to a Python scalar');
    return 0;
  }
  const indexes = given.map((value) => {
    const at = asIndex(value);
    if (at === undefined) throw typeError('an integer is required');
    return at;
  });
  const [only] = indexes;
  if (indexes.length === 1 && only !== undefined) return within(only, array.size);
  if (indexes.length !== array.ndim) throw valueError('incorrect number of indices for array');
  return indexes.reduce(
    (flat, at, axis) => flat * (array.shape[axis] as number) + within(at, array.shape[axis] as number),
    0,
  );
}

function within(index: number, length: number): number {
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) throw indexError(`index ${index} is out of bounds for size ${length}`);
  return at;
}
