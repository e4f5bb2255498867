import { indexArray } from '../array/indexing.ts';
import { NdArray, NpScalar } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import { Predictions } from '../inputs/predictions.ts';
import { nearestName } from '../language/nearest-name.ts';
import { PyDict } from './hashed.ts';
import { asIndex } from './index.ts';
import { indexError, PyError, typeError } from './py-error.ts';
import { sliceRange } from './slice.ts';
import { toRepr } from './text.ts';
import { typeName } from './type-name.ts';
import { PyList, PyRange, PySlice, PyTuple, type Value } from './value.ts';

/** `object[key]` of Python and numpy. */
export function subscript(object: Value, key: Value, evaluation: Evaluation): Value {
  if (object instanceof NdArray) return indexArray(object, key, evaluation);
  if (object instanceof Predictions) return predictionNamed(object, key, evaluation);
  if (object instanceof PyDict) return entryOf(object, key, evaluation);
  if (object instanceof PyList) return ofItems(object.items, key, 'list', (items) => new PyList(items), evaluation);
  if (object instanceof PyTuple) return ofItems(object.items, key, 'tuple', (items) => new PyTuple(items), evaluation);
  if (typeof object === 'string') return ofText(object, key, evaluation);
  if (object instanceof PyRange) return ofRange(object, key);
  if (object instanceof NpScalar) throw indexError('invalid index to scalar variable.');
  throw typeError(`'${typeName(object)}' object is not subscriptable`);
}

function predictionNamed(predictions: Predictions, key: Value, evaluation: Evaluation): Value {
  const prediction = typeof key === 'string' ? predictions.byName.get(key) : undefined;
  if (prediction !== undefined) return prediction;
  const names = [...predictions.byName.keys()];
  const nearest = typeof key === 'string' ? nearestName(key, names) : undefined;
  const hint =
    nearest === undefined ? `the outputs are ${names.slice(0, 10).join(', ')}` : `did you mean '${nearest}'?`;
  throw new PyError('KeyError', `${toRepr(key, evaluation)} is no output of this prediction; ${hint}`);
}

function entryOf(dict: PyDict, key: Value, evaluation: Evaluation): Value {
  const value = dict.get(key);
  if (value === undefined) throw new PyError('KeyError', toRepr(key, evaluation));
  return value;
}

function ofItems(
  items: readonly Value[],
  key: Value,
  kind: string,
  build: (items: readonly Value[]) => Value,
  evaluation: Evaluation,
): Value {
  if (key instanceof PySlice) return build(sliced(items, key, evaluation));
  return items[position(key, items.length, kind)] as Value;
}

function sliced<T>(items: readonly T[], slice: PySlice, evaluation: Evaluation): T[] {
  const { start, step, count } = sliceRange(slice, items.length);
  evaluation.take(count);
  return Array.from({ length: count }, (_, i) => items[start + i * step] as T);
}

/** An index from the front, whichever end it was counted from. */
function position(key: Value, length: number, kind: string): number {
  const index = asIndex(key);
  if (index === undefined) throw typeError(`${kind} indices must be integers or slices, not ${typeName(key)}`);
  const at = index < 0 ? index + length : index;
  if (at < 0 || at >= length) throw indexError(`${kind} index out of range`);
  return at;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Python counts code points, JavaScript UTF-16 units: they differ only where there are surrogates. */
function ofText(text: string, key: Value, evaluation: Evaluation): Value {
  evaluation.take(text.length);
  const points = SURROGATE.test(text) ? [...text] : undefined;
  if (key instanceof PySlice) return sliced(points ?? text.split(''), key, evaluation).join('');
  const at = position(key, points?.length ?? text.length, 'string');
  return points === undefined ? text.charAt(at) : (points[at] as string);
}

function ofRange(range: PyRange, key: Value): Value {
  if (!(key instanceof PySlice)) return range.start + position(key, range.length, 'range') * range.step;
  const { start, step, count } = sliceRange(key, range.length);
  const first = range.start + start * range.step;
  return new PyRange(first, first + count * step * range.step, step * range.step);
}

/** Characters of a text as Python counts them. */
export function textLength(text: string): number {
  return SURROGATE.test(text) ? [...text].length : text.length;
}
