import { typeError } from '../value/py-error.ts';
import { PyFloat, type Value } from '../value/value.ts';
import { BOOL, type DType, FLOAT64, INT8, INT64, promote } from './dtype.ts';
import { NpScalar, npBool } from './ndarray.ts';
import { type ArithmeticOp, type CompareOp, compareNumbers, scalarOperation } from './scalar-operation.ts';

/**
 * Arithmetic of a numpy scalar with another scalar, without arrays; `undefined` for what is no small scalar, which the
 * general way then takes.
 */
export function scalarArithmetic(op: ArithmeticOp, left: Value, right: Value): NpScalar | undefined {
  const common = commonScalarType(left, right);
  if (common === undefined) return undefined;
  const working = workingType(op, common);
  const result = resultType(op, working);
  const value = scalarOperation(op, working)(numberIn(left, working), numberIn(right, working));
  return new NpScalar(result, result.fit(value));
}

/** Comparison of a numpy scalar with another scalar; `undefined` for what is no small scalar. */
export function scalarCompare(op: CompareOp, left: Value, right: Value): NpScalar | undefined {
  const common = commonScalarType(left, right);
  if (common === undefined) return undefined;
  return npBool(compareNumbers(op, numberIn(left, common), numberIn(right, common)));
}

/** Booleans count as small integers where numpy has no boolean loop. */
export function workingType(op: ArithmeticOp, common: DType): DType {
  if (common !== BOOL) return common;
  if (op === '-') throw typeError('numpy boolean subtract, the `-` operator, is not supported; use the `^` operator');
  return op === '//' || op === '%' || op === '**' || op === '<<' || op === '>>' ? INT8 : BOOL;
}

/** The type of the result: division makes floats of integers. */
export function resultType(op: ArithmeticOp, working: DType): DType {
  return op !== '/' || working.kind === 'float' ? working : FLOAT64;
}

/** The type in which two scalars meet. Python's ints count only while they surely fit; the general way tells the rest. */
function commonScalarType(left: Value, right: Value): DType | undefined {
  if (left instanceof NpScalar) {
    if (right instanceof NpScalar) return left.dtype === right.dtype ? left.dtype : promote(left.dtype, right.dtype);
    return typeBeside(left.dtype, right);
  }
  return right instanceof NpScalar ? typeBeside(right.dtype, left) : undefined;
}

function typeBeside(dtype: DType, other: Value): DType | undefined {
  if (other instanceof PyFloat) return dtype.kind === 'float' ? dtype : FLOAT64;
  if (typeof other === 'boolean') return dtype;
  if (typeof other !== 'number') return undefined;
  if (dtype.kind === 'float') return dtype;
  if (dtype === BOOL || dtype === INT64) return INT64;
  return other >= 0 && other < 128 ? dtype : undefined;
}

function numberIn(value: Value, dtype: DType): number {
  if (value instanceof NpScalar) return value.value;
  if (value instanceof PyFloat) return dtype.fit(value.value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return dtype.kind === 'float' ? dtype.fit(value as number) : (value as number);
}
