import { BoxError } from '../error/box-error.ts';
import { NdArray, NpScalar } from './array/ndarray.ts';
import { pythonValue } from './array/to-values.ts';
import { Prediction, Predictions } from './inputs/predictions.ts';
import { floatText } from './value/float-text.ts';
import { PyDict, PySet } from './value/hashed.ts';
import { PyFloat, PyList, PyRange, PyTuple, type Value } from './value/value.ts';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

const MAX_ITEMS = 100_000;

/**
 * A rule's value as JSON: arrays, lists, tuples, sets and ranges as lists, dicts as objects, ints beyond 2^53 as
 * decimal text, NaN and infinities as the text that Python writes.
 *
 * @throws BoxError `too_large` for a value of more than 100,000 items.
 */
export function toJson(value: Value): JsonValue {
  let left = MAX_ITEMS;
  const write = (item: Value): JsonValue => {
    if (--left < 0)
      throw new BoxError('too_large', `Cannot show the value: at most ${MAX_ITEMS} items are written as JSON`);
    return writeValue(item, write);
  };
  return write(value);
}

type Write = (item: Value) => JsonValue;

function writeValue(value: Value, write: Write): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof PyFloat) return floatJson(value.value);
  if (value instanceof NpScalar) return write(pythonValue(value.dtype, value.value));
  if (value instanceof NdArray) return arrayJson(value, write);
  if (value instanceof PyList || value instanceof PyTuple) return value.items.map(write);
  if (value instanceof PySet) return Array.from(value.values(), write);
  if (value instanceof PyRange)
    return Array.from({ length: Math.min(value.length, MAX_ITEMS + 1) }, (_, i) => write(value.start + i * value.step));
  if (value instanceof PyDict) {
    return Object.fromEntries(Array.from(value.items(), ([key, item]) => [String(write(key)), write(item)]));
  }
  if (value instanceof Prediction) {
    return { data: write(value.data), class_label: write(value.classLabel), probability: write(value.probability) };
  }
  if (value instanceof Predictions)
    return Object.fromEntries(Array.from(value.byName, ([name, item]) => [name, write(item)]));
  return `<${value.typeName}>`;
}

function floatJson(value: number): JsonValue {
  return Number.isFinite(value) ? value : floatText(value);
}

function arrayJson(array: NdArray, write: Write): JsonValue {
  let next = array.offset;
  const build = (axis: number): JsonValue => {
    if (axis === array.ndim) return write(pythonValue(array.dtype, array.store[next++] as number | string));
    return Array.from({ length: array.shape[axis] as number }, () => build(axis + 1));
  };
  return build(0);
}
