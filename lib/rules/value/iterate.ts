import { elementAt, NdArray, NpScalar } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import { Predictions } from '../inputs/predictions.ts';
import { PyDict, PySet } from './hashed.ts';
import { typeError } from './py-error.ts';
import { typeName } from './type-name.ts';
import { PyIterator, PyList, PyRange, PyTuple, type Value } from './value.ts';

/**
 * Calls `visit` with each item until it answers true; answers whether it did. Each item costs `cost` steps.
 *
 * @throws PyError TypeError for what cannot be iterated.
 */
export function eachItem(value: Value, evaluation: Evaluation, visit: (item: Value) => boolean, cost = 1): boolean {
  if (value instanceof NdArray && value.ndim === 1) return eachElement(value, evaluation, visit, cost);
  if (value instanceof PyList || value instanceof PyTuple) {
    const { items } = value;
    for (let i = 0; i < items.length; i++) {
      evaluation.spend(cost);
      if (visit(items[i] as Value)) return true;
    }
    return false;
  }
  const iterator = iteratorOf(value);
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    evaluation.spend(cost);
    if (visit(next.value)) return true;
  }
  return false;
}

function eachElement(array: NdArray, evaluation: Evaluation, visit: (item: Value) => boolean, cost: number): boolean {
  const { dtype, store, offset, size } = array;
  const scalars = dtype.kind === 'float' || dtype.isInteger;
  for (let i = offset; i < offset + size; i++) {
    evaluation.spend(cost);
    const item = scalars ? new NpScalar(dtype, store[i] as number) : elementAt(array, i - offset);
    if (visit(item)) return true;
  }
  return false;
}

/** All items of an iterable. */
export function itemsOf(value: Value, evaluation: Evaluation): readonly Value[] {
  if (value instanceof PyList || value instanceof PyTuple) {
    evaluation.spend(value.items.length);
    return value.items;
  }
  const items: Value[] = [];
  eachItem(value, evaluation, (item) => {
    items.push(item);
    return false;
  });
  return items;
}

/** An iterator over the items of an iterable; it counts no steps. @throws PyError TypeError for what cannot be iterated. */
export function iteratorOf(value: Value): Iterator<Value> {
  if (value instanceof PyIterator) return value.source;
  if (value instanceof PyList || value instanceof PyTuple) return value.items[Symbol.iterator]();
  if (value instanceof NdArray) return arrayItems(value);
  if (value instanceof Predictions) return value.byName.values();
  if (value instanceof PyRange) return rangeItems(value);
  if (typeof value === 'string') return value[Symbol.iterator]();
  if (value instanceof PyDict) return value.keys();
  if (value instanceof PySet) return value.values();
  if (value instanceof NpScalar) throw typeError(`'numpy.${typeName(value)}' object is not iterable`);
  throw typeError(`'${typeName(value)}' object is not iterable`);
}

function* rangeItems(range: PyRange): Generator<Value> {
  for (let i = 0; i < range.length; i++) yield range.start + i * range.step;
}

function arrayItems(array: NdArray): Iterator<Value> {
  if (array.ndim === 0) throw typeError('iteration over a 0-d array');
  return array.ndim === 1 ? elementItems(array) : rowItems(array);
}

function* elementItems(array: NdArray): Generator<Value> {
  for (let i = 0; i < array.size; i++) yield elementAt(array, i);
}

function* rowItems(array: NdArray): Generator<Value> {
  const shape = array.shape.slice(1);
  const rows = array.shape[0] as number;
  const width = rows === 0 ? 0 : array.size / rows;
  for (let row = 0; row < rows; row++) yield new NdArray(array.dtype, shape, array.store, array.offset + row * width);
}
