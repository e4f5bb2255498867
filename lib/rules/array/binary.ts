import type { Evaluation } from '../evaluation.ts';
import { typeError } from '../value/py-error.ts';
import { typeName } from '../value/type-name.ts';
import type { Value } from '../value/value.ts';
import { broadcastShape, broadcastTo } from './broadcast.ts';
import { BOOL, type DType, FLOAT64, settle, TEXT } from './dtype.ts';
import { arithmeticKernel, compareKernel, type Side } from './kernels.ts';
import { NdArray, numbersOf, sizeOf, unwrapped } from './ndarray.ts';
import { commonType, type Operand, operandOf } from './operand.ts';
import { resultType, scalarArithmetic, scalarCompare, workingType } from './scalar.ts';
import { type ArithmeticOp, type CompareOp, compareOrder } from './scalar-operation.ts';

/** Arithmetic where at least one side is an array or a numpy scalar, by numpy's rules. */
export function arrayArithmetic(op: ArithmeticOp, left: Value, right: Value, evaluation: Evaluation): Value {
  const scalar = scalarArithmetic(op, left, right);
  if (scalar !== undefined) return scalar;
  const a = operandOf(left, evaluation);
  const b = operandOf(right, evaluation);
  const common = commonType(a, b);
  if (common === TEXT) throw noLoop(op, left, right);
  const working = workingType(op, common);
  const result = resultType(op, working);
  const shape = broadcastShape(a.array.shape, b.array.shape);
  const size = sizeOf(shape);
  evaluation.take(size);
  const out = result.numbers(size);
  arithmeticKernel(op, working, out, sideOf(a, working, shape, evaluation), sideOf(b, working, shape, evaluation));
  settle(result, out);
  return unwrapped(new NdArray(result, shape, out));
}

/** An operand as the kernels take it. A weak scalar is as the operation's type holds it: 0.1 beside float32 is float32's. */
function sideOf(operand: Operand, working: DType, shape: readonly number[], evaluation: Evaluation): Side {
  const { array, weak } = operand;
  if (array.size === 1) {
    const number = numbersOf(array)[array.offset] as number;
    return weak !== undefined && working.kind === 'float' ? working.fit(number) : number;
  }
  const spread = broadcastTo(array, shape, evaluation);
  return { data: numbersOf(spread), start: spread.offset };
}

/** Comparison where at least one side is an array or a numpy scalar: elementwise, a boolean array. */
export function arrayCompare(op: CompareOp, left: Value, right: Value, evaluation: Evaluation): Value {
  const scalar = scalarCompare(op, left, right);
  if (scalar !== undefined) return scalar;
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
    compareKernel(op, out, sideOf(a, working, shape, evaluation), sideOf(b, working, shape, evaluation));
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

function noLoop(op: string, left: Value, right: Value): Error {
  return typeError(`unsupported operand type(s) for ${op}: '${typeName(left)}' and '${typeName(right)}'`);
}

/** Comparison takes ints of any size: only floats narrow what they are compared with. */
function meetingType(a: Operand, b: Operand): DType {
  const weak = a.weak === 'int' ? b : b.weak === 'int' ? a : undefined;
  if (weak === undefined) return commonType(a, b);
  return weak.array.dtype.kind === 'float' ? weak.array.dtype : FLOAT64;
}
