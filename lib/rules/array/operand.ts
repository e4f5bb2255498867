import type { Evaluation } from '../evaluation.ts';
import { floatOfInt } from '../value/integer.ts';
import { PyError } from '../value/py-error.ts';
import { PyFloat, type Value } from '../value/value.ts';
import { BOOL, type DType, FLOAT64, INT64, promote, TEXT } from './dtype.ts';
import { asArray } from './from-values.ts';
import { NdArray, NpScalar } from './ndarray.ts';

/** An array that an operation reads. Python's own ints and floats are weak: they take the other operand's type (NEP 50). */
export interface Operand {
  readonly array: NdArray;
  readonly weak: 'int' | 'float' | undefined;
  /** A weak int as it was given, where a double would not hold it. */
  readonly big: bigint | undefined;
}

export function operandOf(value: Value, evaluation: Evaluation): Operand {
  if (value instanceof NdArray) return { array: value, weak: undefined, big: undefined };
  if (value instanceof NpScalar) return strong(value.dtype, value.value);
  if (value instanceof PyFloat) return { array: scalarArray(FLOAT64, value.value), weak: 'float', big: undefined };
  if (typeof value === 'number') return { array: scalarArray(INT64, value), weak: 'int', big: undefined };
  if (typeof value === 'boolean') return strong(BOOL, value ? 1 : 0);
  if (typeof value === 'bigint') return { array: scalarArray(INT64, floatOfInt(value)), weak: 'int', big: value };
  if (typeof value === 'string') return { array: new NdArray(TEXT, [], [value]), weak: undefined, big: undefined };
  return { array: asArray(value, evaluation), weak: undefined, big: undefined };
}

function strong(dtype: DType, value: number): Operand {
  return { array: scalarArray(dtype, value), weak: undefined, big: undefined };
}

function scalarArray(dtype: DType, value: number): NdArray {
  const store = dtype.numbers(1);
  store[0] = value;
  return new NdArray(dtype, [], store);
}

/** The element type in which two operands meet. @throws PyError OverflowError for an int that the other's type cannot hold. */
export function commonType(a: Operand, b: Operand): DType {
  if (a.weak !== undefined && b.weak === undefined) return weakType(a, b.array.dtype);
  if (b.weak !== undefined && a.weak === undefined) return weakType(b, a.array.dtype);
  return promote(a.array.dtype, b.array.dtype);
}

function weakType(weak: Operand, other: DType): DType {
  if (other.kind === 'float') return other;
  if (other === TEXT) return TEXT;
  if (weak.weak === 'float') return FLOAT64;
  const dtype = other === BOOL ? INT64 : other;
  checkFits(weak, dtype);
  return dtype;
}

function checkFits(weak: Operand, dtype: DType): void {
  const value = weak.big ?? BigInt(weak.array.store[0] as number);
  const low = dtype.kind === 'uint' ? 0n : -(2n ** BigInt(dtype.bits - 1));
  const high = 2n ** BigInt(dtype.kind === 'uint' ? dtype.bits : dtype.bits - 1);
  if (value < low || value >= high) {
    throw new PyError('OverflowError', `Python integer ${value} out of bounds for ${dtype.name}`);
  }
}
