import type { Evaluation } from '../evaluation.ts';
import { typeError } from '../value/py-error.ts';
import { typeName } from '../value/type-name.ts';
import type { Value } from '../value/value.ts';
import { broadcastShape, broadcastTo } from './broadcast.ts';
import { BOOL, type DType, FLOAT64, INT8, settle, TEXT } from './dtype.ts';
import {
  type ArithmeticOp,
  arithmeticKernel,
  type CompareOp,
  compareKernel,
  type Pair,
  scalarOperation,
} from './kernels.ts';
import { NdArray, NpScalar, npBool, numbersOf, sizeOf, unwrapped } from './ndarray.ts';
import { commonType, type Operand, operandOf } from './operand.ts';

/** Arithmetic where at least one side is an array or a numpy scalar, by numpy's rules. */
export function arrayArithmetic(op: ArithmeticOp, left: Value, right: Value, evaluation: Evaluation): Value {
  if (left instanceof NpScalar && right instanceof NpScalar && left.dtype === right.dtype && left.dtype !== BOOL) {
    return scalarArithmetic(op, left.dtype, left.value, right.value);
  }
  const a = operandOf(left, evaluation);
  const b = operandOf(right, evaluation);
  const common = commonType(a, b);
  if (common === TEXT) throw noLoop(op, left, right);
  const working = workingType(op, common);
  return unwrapped(combine(op, working, resultType(op, working), a, b, evaluation));
}

/** One operation on two numbers of one type. */
function scalarArithmetic(op: ArithmeticOp, dtype: DType, x: number, y: number): NpScalar {
  const working = workingType(op, dtype);
  const result = resultType(op, working);
  return new NpScalar(result, result.fit(scalarOperation(op, working)(x, y)));
}

/** Booleans count as small integers where numpy has no boolean loop. */
function workingType(op: ArithmeticOp, common: DType): DType {
  if (common !== BOOL) return common;
  return op === '//' || op === '%' || op === '**' || op === '<<' || op === '>>' ? INT8 : BOOL;
}

function resultType(op: ArithmeticOp, working: DType): DType {
  if (op !== '/' || working.kind === 'float') return working;
  return FLOAT64;
}

function combine(
  op: ArithmeticOp,
  working: DType,
  result: DType,
  a: Operand,
  b: Operand,
  evaluation: Evaluation,
): NdArray {
  const shape = broadcastShape(a.array.shape, b.array.shape);
  const size = sizeOf(shape);
  evaluation.take(size);
  const out = result.numbers(size);
  arithmeticKernel(op, working, out, pairUp(fitted(a, working), fitted(b, working), shape, evaluation));
  settle(result, out);
  return new NdArray(result, shape, out);
}

/** A weak scalar as the operation's type holds it: 0.1 beside float32 is float32's 0.1. */
function fitted(operand: Operand, working: DType): NdArray {
  const { array, weak } = operand;
  if (weak === undefined || working.kind !== 'float' || working === FLOAT64) return array;
  return new NdArray(working, [], [working.fit(array.store[0] as number)]);
}

function pairUp(x: NdArray, y: NdArray, shape: readonly number[], evaluation: Evaluation): Pair {
  const a = x.size === 1 ? x : broadcastTo(x, shape, evaluation);
  const b = y.size === 1 ? y : broadcastTo(y, shape, evaluation);
  return {
    a: numbersOf(a),
    aStart: a.offset,
    aStep: a.size === 1 ? 0 : 1,
    b: numbersOf(b),
    bStart: b.offset,
    bStep: b.size === 1 ? 0 : 1,
  };
}

/** Comparison where at least one side is an array or a numpy scalar: elementwise, a boolean array. */
export function arrayCompare(op: CompareOp, left: Value, right: Value, evaluation: Evaluation): Value {
  if (left instanceof NpScalar && right instanceof NpScalar) return npBool(compareNumbers(op, left.value, right.value));
  if (left === null || right === null) return againstNone(op, left, right, evaluation);
  const a = operandOf(left, evaluation);
  const b = operandOf(right, evaluation);
  const shape = broadcastShape(a.array.shape, b.array.shape);
  const size = sizeOf(shape);
  evaluation.take(size);
  const out = new Uint8Array(size);
  if (a.array.dtype === TEXT || b.array.dtype === TEXT) compareTexts(op, out, a.array, b.array, shape, evaluation);
  else {
    const working = meetingType(a, b);
    compareKernel(op, out, pairUp(fitted(a, working), fitted(b, working), shape, evaluation));
  }
  return unwrapped(new NdArray(BOOL, shape, out));
}

/** None equals no element. */
function againstNone(op: CompareOp, left: Value, right: Value, evaluation: Evaluation): Value {
  if (op !== '==' && op !== '!=') throw noLoop(op, left, right);
  const array = operandOf(left ?? right, evaluation).array;
  evaluation.take(array.size);
  return unwrapped(new NdArray(BOOL, array.shape, new Uint8Array(array.size).fill(op === '!=' ? 1 : 0)));
}

function compareTexts(
  op: CompareOp,
  out: Uint8Array,
  x: NdArray,
  y: NdArray,
  shape: readonly number[],
  evaluation: Evaluation,
): void {
  if (x.dtype !== y.dtype) {
    if (op !== '==' && op !== '!=') throw typeError(`'${op}' is not supported between text and numbers`);
    out.fill(op === '!=' ? 1 : 0);
    return;
  }
  const a = broadcastTo(x, shape, evaluation);
  const b = broadcastTo(y, shape, evaluation);
  for (let i = 0; i < out.length; i++) {
    const text = a.store[a.offset + i] as string;
    evaluation.read(text);
    out[i] = compareOrder(op, text, b.store[b.offset + i] as string) ? 1 : 0;
  }
}

export function compareNumbers(op: CompareOp, x: number, y: number): boolean {
  switch (op) {
    case '<':
      return x < y;
    case '<=':
      return x <= y;
    case '>':
      return x > y;
    case '>=':
      return x >= y;
    case '==':
      return x === y;
    default:
      return x !== y;
  }
}

/** Order of texts by code point, as Python has it (JavaScript's is by UTF-16 unit). */
export function compareOrder(op: CompareOp, x: string, y: string): boolean {
  if (op === '==') return x === y;
  if (op === '!=') return x !== y;
  return compareNumbers(op, compareText(x, y), 0);
}

/** Below, at or above zero as `x` is before, equal to or after `y` by code point. */
export function compareText(x: string, y: string): number {
  if (x === y) return 0;
  const length = Math.min(x.length, y.length);
  for (let i = 0; i < length; i++) {
    if (x[i] !== y[i]) return (x.codePointAt(i) as number) - (y.codePointAt(i) as number);
  }
  return x.length - y.length;
}

function noLoop(op: string, left: Value, right: Value): Error {
  return typeError(`unsupported operand type(s) for ${op}: '${typeName(left)}' and '${typeName(right)}'`);
}

/** Comparison takes ints of any size: only floats narrow what they are compared with. */
function meetingType(a: Operand, b: Operand): DType {
  const weak = a.weak === 'int' ? b : b.weak === 'int' ? a : undefined;
  if (weak === undefined) return commonType(a, b);
  return weak.array.dtype.kind === 'float' ? weak.array.dtype : FLOAT64;
}
