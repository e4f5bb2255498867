import { BOOL, settle, TEXT } from '../array/dtype.ts';
import { NdArray, NpScalar, npBool, numbersOf } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import { isInt, normalInt } from './integer.ts';
import { typeError } from './py-error.ts';
import { typeName } from './type-name.ts';
import { PyFloat, type Value } from './value.ts';

export type UnaryOp = '-' | '+' | '~';

/** `-x`, `+x`, `~x` of Python and numpy. */
export function unary(op: UnaryOp, value: Value, evaluation: Evaluation): Value {
  const int = typeof value === 'boolean' ? Number(value) : value;
  if (isInt(int)) return unaryInt(op, int);
  if (value instanceof PyFloat && op !== '~') return op === '-' ? new PyFloat(-value.value) : value;
  if (value instanceof NpScalar) return unaryScalar(op, value);
  if (value instanceof NdArray) return unaryArray(op, value, evaluation);
  throw typeError(`bad operand type for unary ${op}: '${typeName(value)}'`);
}

function unaryInt(op: UnaryOp, value: number | bigint): Value {
  if (op === '+') return value;
  if (typeof value === 'bigint') return normalInt(op === '-' ? -value : ~value);
  // Adding 0 keeps an int from being minus zero.
  return op === '-' ? -value + 0 : -value - 1;
}

function unaryScalar(op: UnaryOp, value: NpScalar): Value {
  const { dtype } = value;
  if (dtype === BOOL) return op === '~' ? npBool(value.value === 0) : refuseBool(op);
  if (op === '~' && !dtype.isInteger) throw typeError(`bad operand type for unary ~: 'numpy.${dtype.name}'`);
  return new NpScalar(dtype, dtype.fit(negated(op, value.value, dtype.isInteger)));
}

function negated(op: UnaryOp, value: number, integer: boolean): number {
  if (op === '+') return value;
  if (op === '~') return -value - 1;
  return integer ? -value + 0 : -value;
}

function unaryArray(op: UnaryOp, array: NdArray, evaluation: Evaluation): Value {
  const { dtype } = array;
  if (dtype === TEXT || (op === '~' && dtype.kind === 'float'))
    throw typeError(`bad operand type for unary ${op}: an array of ${dtype.name}`);
  if (dtype === BOOL && op !== '~') return refuseBool(op);
  evaluation.take(array.size);
  const from = numbersOf(array);
  const out = dtype.numbers(array.size);
  for (let i = 0; i < out.length; i++) {
    const item = from[array.offset + i] as number;
    out[i] = dtype === BOOL ? 1 - item : negated(op, item, dtype.isInteger);
  }
  settle(dtype, out);
  const result = new NdArray(dtype, array.shape, out);
  return array.ndim === 0 ? new NpScalar(dtype, out[0] as number) : result;
}

function refuseBool(op: UnaryOp): never {
  throw typeError(
    `The numpy boolean ${op === '-' ? 'negative' : 'positive'}, the \`${op}\` operator, is not supported`,
  );
}
