import { arrayCompare } from '../array/binary.ts';
import { FLOAT64 } from '../array/dtype.ts';
import { NdArray, NpScalar, npBool } from '../array/ndarray.ts';
import type { CompareOp } from '../array/scalar-operation.ts';
import { compareNumbers, compareOrder } from '../array/scalar-operation.ts';
import type { Evaluation } from '../evaluation.ts';
import { Predictions } from '../inputs/predictions.ts';
import { PyDict, PySet } from './hashed.ts';
import { isInt } from './integer.ts';
import { eachItem } from './iterate.ts';
import { typeError } from './py-error.ts';
import { truth } from './truth.ts';
import { typeName } from './type-name.ts';
import { PyFloat, PyList, PyRange, PyTuple, type Value } from './value.ts';

/** `left op right` of Python: a bool, or an array of them where an array takes part. */
export function compare(op: CompareOp, left: Value, right: Value, evaluation: Evaluation): Value {
  if (typeof left === 'number' && typeof right === 'number') return compareNumbers(op, left, right);
  if (typeof left === 'string' && typeof right === 'string') {
    evaluation.read(left);
    return compareOrder(op, left, right);
  }
  if (left instanceof NpScalar && right instanceof PyFloat && left.dtype === FLOAT64) {
    return arrayCompare(op, left, new NpScalar(FLOAT64, right.value), evaluation);
  }
  if (takesArrays(left, right)) return arrayCompare(op, left, right, evaluation);
  if ((left instanceof NdArray || right instanceof NdArray) && (op === '==' || op === '!=')) {
    // No element equals what is no number and no text.
    return arrayCompare(op, left instanceof NdArray ? left : right, null, evaluation);
  }
  const x = realNumber(left);
  const y = realNumber(right);
  if (x !== undefined && y !== undefined) return compareReal(op, x, y);
  const scalarBesideText =
    (left instanceof NpScalar && typeof right === 'string') || (right instanceof NpScalar && typeof left === 'string');
  if (scalarBesideText && (op === '==' || op === '!=')) return npBool(op === '!=');
  if (op === '==') return equalObjects(left, right, evaluation);
  if (op === '!=') return !equalObjects(left, right, evaluation);
  return compareObjects(op, left, right, evaluation);
}

/** Whether numpy's rules apply: an array with anything, or a numpy scalar with a number or a list. */
function takesArrays(left: Value, right: Value): boolean {
  if (left instanceof NdArray || right instanceof NdArray) return isArrayLike(left) && isArrayLike(right);
  if (left instanceof NpScalar) return isArrayLike(right) && typeof right !== 'string' && right !== null;
  return right instanceof NpScalar && isArrayLike(left) && typeof left !== 'string' && left !== null;
}

function isArrayLike(value: Value): boolean {
  return (
    value === null ||
    typeof value !== 'object' ||
    value instanceof NdArray ||
    value instanceof NpScalar ||
    value instanceof PyFloat ||
    value instanceof PyList ||
    value instanceof PyTuple ||
    value instanceof PyRange
  );
}

/** A Python number; bools count as 0 and 1. */
function realNumber(value: Value): number | bigint | undefined {
  if (isInt(value)) return value;
  if (value instanceof PyFloat) return value.value;
  return typeof value === 'boolean' ? Number(value) : undefined;
}

/** JavaScript compares numbers with bigints by their exact values, as Python compares floats with ints. */
function compareReal(op: CompareOp, x: number | bigint, y: number | bigint): boolean {
  if (typeof x === 'number' && typeof y === 'number') return compareNumbers(op, x, y);
  if (op === '==' || op === '!=') return (x <= y && x >= y) === (op === '==');
  return op === '<' ? x < y : op === '<=' ? x <= y : op === '>' ? x > y : x >= y;
}

/** Whether two values are equal, as containers ask it of their items. */
export function equal(left: Value, right: Value, evaluation: Evaluation): boolean {
  if (left === right && typeof left !== 'object') return true;
  return truth(compare('==', left, right, evaluation));
}

function equalObjects(left: Value, right: Value, evaluation: Evaluation): boolean {
  evaluation.spend(1);
  if (left === right) return true;
  if (left instanceof PyList && right instanceof PyList) return equalItems(left.items, right.items, evaluation);
  if (left instanceof PyTuple && right instanceof PyTuple) return equalItems(left.items, right.items, evaluation);
  if (left instanceof PySet && right instanceof PySet)
    return left.size === right.size && isSubset(left, right, evaluation);
  if (left instanceof PyDict && right instanceof PyDict) return equalDicts(left, right, evaluation);
  if (left instanceof PyRange && right instanceof PyRange) return equalRanges(left, right);
  return false;
}

function equalItems(a: readonly Value[], b: readonly Value[], evaluation: Evaluation): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    evaluation.spend(1);
    if (!sameOrEqual(a[i] as Value, b[i] as Value, evaluation)) return false;
  }
  return true;
}

/** Containers take an item for itself before they compare, so a list holding NaN equals itself. */
function sameOrEqual(a: Value, b: Value, evaluation: Evaluation): boolean {
  return (a === b && typeof a === 'object') || equal(a, b, evaluation);
}

function equalRanges(a: PyRange, b: PyRange): boolean {
  if (a.length !== b.length) return false;
  return a.length === 0 || (a.start === b.start && (a.length === 1 || a.step === b.step));
}

function equalDicts(a: PyDict, b: PyDict, evaluation: Evaluation): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.items()) {
    evaluation.spend(1);
    const other = b.get(key);
    if (other === undefined || !sameOrEqual(value, other, evaluation)) return false;
  }
  return true;
}

function isSubset(a: PySet, b: PySet, evaluation: Evaluation): boolean {
  evaluation.spend(a.size);
  for (const item of a.values()) if (!b.has(item)) return false;
  return true;
}

function compareObjects(op: CompareOp, left: Value, right: Value, evaluation: Evaluation): boolean {
  const bothLists = left instanceof PyList && right instanceof PyList;
  if (bothLists || (left instanceof PyTuple && right instanceof PyTuple)) {
    return compareSequences(op, left.items, (right as PyList).items, evaluation);
  }
  if (left instanceof PySet && right instanceof PySet) return compareSets(op, left, right, evaluation);
  throw typeError(`'${op}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`);
}

function compareSequences(op: CompareOp, a: readonly Value[], b: readonly Value[], evaluation: Evaluation): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    evaluation.spend(1);
    const [x, y] = [a[i] as Value, b[i] as Value];
    if (!sameOrEqual(x, y, evaluation)) return truth(compare(op, x, y, evaluation));
  }
  return compareNumbers(op, a.length, b.length);
}

function compareSets(op: CompareOp, a: PySet, b: PySet, evaluation: Evaluation): boolean {
  if (op === '<=') return isSubset(a, b, evaluation);
  if (op === '>=') return isSubset(b, a, evaluation);
  if (op === '<') return a.size < b.size && isSubset(a, b, evaluation);
  return b.size < a.size && isSubset(b, a, evaluation);
}

/** `item in container` of Python. */
export function contains(container: Value, item: Value, evaluation: Evaluation): boolean {
  if (typeof container === 'string') {
    if (typeof item !== 'string')
      throw typeError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    evaluation.take(container.length);
    return container.includes(item);
  }
  if (container instanceof PyDict) return container.get(item) !== undefined;
  if (container instanceof PySet) return container.has(item);
  if (container instanceof Predictions) return typeof item === 'string' && container.byName.has(item);
  if (container instanceof PyRange && typeof item === 'number') return inRange(container, item);
  if (container instanceof NdArray) return arrayContains(container, item, evaluation);
  if (container === null || typeof container !== 'object') throw notIterable(container);
  return eachItem(container, evaluation, (each) => sameOrEqual(each, item, evaluation));
}

function inRange(range: PyRange, item: number): boolean {
  const place = (item - range.start) / range.step;
  return Number.isInteger(place) && place >= 0 && place < range.length;
}

function arrayContains(array: NdArray, item: Value, evaluation: Evaluation): boolean {
  const equals = compare('==', array, item, evaluation);
  if (!(equals instanceof NdArray)) return truth(equals);
  for (let i = 0; i < equals.size; i++) if (equals.store[equals.offset + i] !== 0) return true;
  return false;
}

function notIterable(value: Value): Error {
  return typeError(`argument of type '${typeName(value)}' is not a container or iterable`);
}
