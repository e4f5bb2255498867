import { arrayArithmetic } from '../array/binary.ts';
import { matmul } from '../array/linear.ts';
import { NdArray, NpScalar } from '../array/ndarray.ts';
import { type ArithmeticOp, power } from '../array/scalar-operation.ts';
import type { Evaluation } from '../evaluation.ts';
import { PySet } from './hashed.ts';
import {
  addInt,
  bitwiseInt,
  divideInt,
  divmodInt,
  floatOfInt,
  type Int,
  isInt,
  multiplyInt,
  powerInt,
  shiftInt,
  subtractInt,
} from './integer.ts';
import { PyError, typeError } from './py-error.ts';
import { typeName } from './type-name.ts';
import { PyFloat, PyList, PyRange, PyTuple, type Value } from './value.ts';

export type BinaryOp = ArithmeticOp | '@';

/** `left op right` of Python and numpy. */
export function arithmetic(op: BinaryOp, left: Value, right: Value, evaluation: Evaluation): Value {
  if (typeof left === 'number' && typeof right === 'number') return intArithmetic(op, left, right, evaluation);
  if (left instanceof PyFloat && right instanceof PyFloat) return floatArithmetic(op, left.value, right.value);
  if (op === '@') return matmul(left, right, evaluation);
  const x = intLike(left);
  const y = intLike(right);
  if (x !== undefined && y !== undefined) return integerArithmetic(op, left, right, x, y, evaluation);
  const floats = x !== undefined || left instanceof PyFloat;
  if (floats && (y !== undefined || right instanceof PyFloat)) {
    return floatArithmetic(op, floatLike(left, x), floatLike(right, y));
  }
  if (left instanceof NdArray || right instanceof NdArray) return withArray(op, left, right, evaluation);
  const sequence = sequenceArithmetic(op, left, right, evaluation);
  if (sequence !== undefined) return sequence;
  if (left instanceof NpScalar || right instanceof NpScalar) return withArray(op, left, right, evaluation);
  throw unsupported(op, left, right);
}

/** Only numbers, text and lists go into numpy's arithmetic; it decides about text itself. */
function withArray(op: ArithmeticOp, left: Value, right: Value, evaluation: Evaluation): Value {
  for (const side of [left, right]) {
    const taken = side !== null && (typeof side !== 'object' || ARRAY_LIKE.some((type) => side instanceof type));
    if (!taken) throw unsupported(op, left, right);
  }
  return arrayArithmetic(op, left, right, evaluation);
}

const ARRAY_LIKE = [NdArray, NpScalar, PyFloat, PyList, PyTuple, PyRange];

/** An int, or a bool as the int that it is. */
function intLike(value: Value): Int | undefined {
  if (isInt(value)) return value;
  return typeof value === 'boolean' ? Number(value) : undefined;
}

function floatLike(value: Value, int: Int | undefined): number {
  return value instanceof PyFloat ? value.value : floatOfInt(int ?? 0);
}

function integerArithmetic(op: BinaryOp, left: Value, right: Value, x: Int, y: Int, evaluation: Evaluation): Value {
  const bitwise = op === '&' || op === '|' || op === '^';
  if (bitwise && typeof left === 'boolean' && typeof right === 'boolean') return bitwiseInt(op, x, y) !== 0;
  return intArithmetic(op, x, y, evaluation);
}

/** Dividing the longest ints takes as long as so many steps. */
const LONG_INT_STEPS = 64;

function intArithmetic(op: BinaryOp, x: Int, y: Int, evaluation: Evaluation): Value {
  if (typeof x === 'bigint' || typeof y === 'bigint') evaluation.spend(LONG_INT_STEPS);
  switch (op) {
    case '+':
      return addInt(x, y);
    case '-':
      return subtractInt(x, y);
    case '*':
      return multiplyInt(x, y, evaluation);
    case '/':
      return new PyFloat(divideInt(x, y));
    case '//':
      return divmodInt(x, y)[0];
    case '%':
      return divmodInt(x, y)[1];
    case '**':
      return y < 0 ? floatArithmetic(op, floatOfInt(x), floatOfInt(y)) : powerInt(x, y, evaluation);
    case '<<':
    case '>>':
      return shiftInt(op, x, y, evaluation);
    case '@':
      throw unsupported(op, x, y);
    default:
      return bitwiseInt(op, x, y);
  }
}

function floatArithmetic(op: BinaryOp, x: number, y: number): Value {
  switch (op) {
    case '+':
      return new PyFloat(x + y);
    case '-':
      return new PyFloat(x - y);
    case '*':
      return new PyFloat(x * y);
    case '/':
      if (y === 0) throw new PyError('ZeroDivisionError', 'division by zero');
      return new PyFloat(x / y);
    case '//':
      return new PyFloat(divmodFloat(x, y)[0]);
    case '%':
      return new PyFloat(divmodFloat(x, y)[1]);
    case '**':
      return new PyFloat(powerFloat(x, y));
    default:
      throw unsupported(op, new PyFloat(x), new PyFloat(y));
  }
}

/** Python's floor division and modulo of floats. */
export function divmodFloat(x: number, y: number): readonly [number, number] {
  if (y === 0) throw new PyError('ZeroDivisionError', 'division by zero');
  let rest = x % y;
  let quotient = (x - rest) / y;
  if (rest === 0) rest = y < 0 ? -0 : 0;
  else if (rest < 0 !== y < 0) {
    rest += y;
    quotient -= 1;
  }
  if (quotient === 0) return [x / y < 0 || Object.is(x / y, -0) ? -0 : 0, rest];
  const floor = Math.floor(quotient);
  return [quotient - floor > 0.5 ? floor + 1 : floor, rest];
}

function powerFloat(x: number, y: number): number {
  if (x === 0 && y < 0) throw new PyError('ZeroDivisionError', 'zero to a negative power');
  if (x < 0 && Number.isFinite(x) && Number.isFinite(y) && !Number.isInteger(y)) {
    throw typeError('a negative number to a fractional power is complex, and rules have no complex numbers');
  }
  const result = power(x, y);
  if (!Number.isFinite(result) && Number.isFinite(x) && Number.isFinite(y)) {
    throw new PyError('OverflowError', 'Numerical result out of range');
  }
  return result;
}

/** `+` and `*` of text, lists and tuples, and the operators of sets; `undefined` where none applies. */
function sequenceArithmetic(op: BinaryOp, left: Value, right: Value, evaluation: Evaluation): Value | undefined {
  if (op === '+') return concatenate(left, right, evaluation);
  if (op === '*') {
    const count = repeatCount(right);
    if (count !== undefined) return repeat(left, count, evaluation);
    const leading = repeatCount(left);
    if (leading === undefined && isSequenceTimesFloat(left, right)) throw unsupported(op, left, right);
    return leading === undefined ? undefined : repeat(right, leading, evaluation);
  }
  return left instanceof PySet && right instanceof PySet ? setArithmetic(op, left, right, evaluation) : undefined;
}

function concatenate(left: Value, right: Value, evaluation: Evaluation): Value | undefined {
  if (typeof left === 'string' && typeof right === 'string') {
    evaluation.take(left.length + right.length);
    return left + right;
  }
  const lists = left instanceof PyList && right instanceof PyList;
  if (!lists && !(left instanceof PyTuple && right instanceof PyTuple)) return undefined;
  const tail = (right as PyList).items;
  evaluation.take(left.items.length + tail.length);
  const items = [...left.items, ...tail];
  return lists ? new PyList(items) : new PyTuple(items);
}

/** numpy's float scalars do not repeat a list, nor do they make it an array. */
function isSequenceTimesFloat(left: Value, right: Value): boolean {
  const isSequence = (value: Value) => value instanceof PyList || value instanceof PyTuple;
  return (isSequence(left) && right instanceof NpScalar) || (left instanceof NpScalar && isSequence(right));
}

function repeatCount(value: Value): number | undefined {
  if (value instanceof NpScalar) return value.dtype.isInteger ? value.value : undefined;
  const count = intLike(value);
  return count === undefined ? undefined : Number(count);
}

function repeat(value: Value, count: number, evaluation: Evaluation): Value | undefined {
  const times = Math.max(0, count);
  if (typeof value === 'string') {
    evaluation.take(value.length * times);
    return value.length === 0 ? '' : value.repeat(times);
  }
  if (!(value instanceof PyList) && !(value instanceof PyTuple)) return undefined;
  evaluation.take(value.items.length * times);
  const items: Value[] = [];
  if (value.items.length > 0) for (let i = 0; i < times; i++) for (const item of value.items) items.push(item);
  return value instanceof PyList ? new PyList(items) : new PyTuple(items);
}

function setArithmetic(op: BinaryOp, left: PySet, right: PySet, evaluation: Evaluation): Value | undefined {
  evaluation.take(left.size + right.size);
  const a = [...left.values()];
  const b = [...right.values()];
  if (op === '|') return new PySet([...a, ...b]);
  if (op === '&') return new PySet(a.filter((item) => right.has(item)));
  if (op === '-') return new PySet(a.filter((item) => !right.has(item)));
  if (op === '^') return new PySet([...a.filter((item) => !right.has(item)), ...b.filter((item) => !left.has(item))]);
  return undefined;
}

function unsupported(op: string, left: Value, right: Value): PyError {
  return typeError(`unsupported operand type(s) for ${op}: '${typeName(left)}' and '${typeName(right)}'`);
}
