import { typeError, valueError } from '../value/py-error.ts';
import type { DType } from './dtype.ts';

export type ArithmeticOp = '+' | '-' | '*' | '/' | '//' | '%' | '**' | '&' | '|' | '^' | '<<' | '>>';

export type CompareOp = '<' | '<=' | '>' | '>=' | '==' | '!=';

type Operation = (x: number, y: number) => number;

/** numpy's operation on two numbers of a type; the caller brings the result into the type's range. */
export function scalarOperation(op: ArithmeticOp, dtype: DType): Operation {
  const apply = operationOf(op, dtype);
  if (apply === undefined) throw typeError(`'${op}' is not supported for elements of type ${dtype.name}`);
  return apply;
}

function operationOf(op: ArithmeticOp, dtype: DType): Operation | undefined {
  if (dtype.kind === 'float') return FLOAT[op];
  if (dtype.kind === 'bool') return BOOLEAN[op];
  if (dtype.bits === 32 && op === '*') return Math.imul;
  return (dtype.bits === 64 ? BITWISE[op] : undefined) ?? INTEGER[op];
}

function floorDivideFloat(x: number, y: number): number {
  if (y === 0) return x / y;
  const rest = x % y;
  let quotient = (x - rest) / y;
  if (rest !== 0 && rest < 0 !== y < 0) quotient -= 1;
  if (quotient === 0) return x / y < 0 || Object.is(x / y, -0) ? -0 : 0;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function remainderFloat(x: number, y: number): number {
  const rest = x % y;
  if (y === 0 || Number.isNaN(rest)) return Number.NaN;
  if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
  return rest < 0 !== y < 0 ? rest + y : rest;
}

/** C's `pow`, which unlike JavaScript's has `1 ** nan` and `(-1) ** inf` be 1. */
export function power(x: number, y: number): number {
  if (x === 1) return 1;
  return x === -1 && !Number.isFinite(y) && !Number.isNaN(y) ? 1 : x ** y;
}

function floorDivideInteger(x: number, y: number): number {
  if (y === 0) return 0;
  const rest = x % y;
  const quotient = (x - rest) / y;
  return (rest !== 0 && rest < 0 !== y < 0 ? quotient - 1 : quotient) + 0;
}

function remainderInteger(x: number, y: number): number {
  if (y === 0) return 0;
  const rest = x % y;
  return (rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest) + 0;
}

function powerInteger(x: number, y: number): number {
  if (y < 0) throw valueError('Integers to negative integer powers are not allowed.');
  let result = 1;
  let base = x;
  for (let left = y; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= base;
    base *= base;
    if (result === 0) return 0;
  }
  return result + 0;
}

const FLOAT: Partial<Record<ArithmeticOp, Operation>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '//': floorDivideFloat,
  '%': remainderFloat,
  '**': power,
};

const INTEGER: Record<ArithmeticOp, Operation> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y + 0,
  '/': (x, y) => x / y,
  '//': floorDivideInteger,
  '%': remainderInteger,
  '**': powerInteger,
  '&': (x, y) => x & y,
  '|': (x, y) => x | y,
  '^': (x, y) => x ^ y,
  '<<': (x, y) => (y > 31 || y < 0 ? 0 : x << y),
  '>>': (x, y) => (y > 31 || y < 0 ? (x < 0 ? -1 : 0) : x >> y),
};

const BITWISE: Partial<Record<ArithmeticOp, Operation>> = {
  '&': (x, y) => Number(BigInt(x) & BigInt(y)),
  '|': (x, y) => Number(BigInt(x) | BigInt(y)),
  '^': (x, y) => Number(BigInt(x) ^ BigInt(y)),
  '<<': (x, y) => (y > 63 || y < 0 ? 0 : Number(BigInt.asIntN(64, BigInt(x) << BigInt(y)))),
  '>>': (x, y) => (y > 63 || y < 0 ? (x < 0 ? -1 : 0) : Math.floor(x / 2 ** y)),
};

const BOOLEAN: Partial<Record<ArithmeticOp, Operation>> = {
  '+': (x, y) => x | y,
  '*': (x, y) => x & y,
  '&': (x, y) => x & y,
  '|': (x, y) => x | y,
  '^': (x, y) => x ^ y,
  '/': (x, y) => x / y,
};

/** A comparison of two numbers. */
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
