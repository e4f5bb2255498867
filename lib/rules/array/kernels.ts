import { typeError, valueError } from '../value/py-error.ts';
import type { DType, NumberStore } from './dtype.ts';

export type ArithmeticOp = '+' | '-' | '*' | '/' | '//' | '%' | '**' | '&' | '|' | '^' | '<<' | '>>';

/** Two operands side by side: where each starts, and whether it moves (1) or stays (0). */
export interface Pair {
  readonly a: NumberStore;
  readonly aStart: number;
  readonly aStep: 0 | 1;
  readonly b: NumberStore;
  readonly bStart: number;
  readonly bStep: 0 | 1;
}

/** Applies an operation to `out.length` pairs. The common ones have loops of their own: a call per element costs fivefold. */
export function arithmeticKernel(op: ArithmeticOp, dtype: DType, out: NumberStore, pair: Pair): void {
  const { a, aStep, b, bStep } = pair;
  let { aStart: i, bStart: j } = pair;
  const n = out.length;
  const plain = dtype.kind === 'float' || (dtype.isInteger && dtype.bits !== 32);
  if (plain && op === '+') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) + (b[j] as number);
  } else if (plain && op === '-') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) - (b[j] as number);
  } else if (plain && op === '*') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) * (b[j] as number);
  } else if (op === '/') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) / (b[j] as number);
  } else {
    const apply = scalarOperation(op, dtype);
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = apply(a[i] as number, b[j] as number);
  }
}

type Operation = (x: number, y: number) => number;

/** numpy's operation on two numbers of a type; the caller brings the result into the type's range. */
export function scalarOperation(op: ArithmeticOp, dtype: DType): Operation {
  const table = dtype.kind === 'float' ? FLOAT : dtype.kind === 'bool' ? BOOLEAN : INTEGER;
  const apply = table[op];
  if (apply === undefined) throw typeError(`'${op}' is not supported for elements of type ${dtype.name}`);
  if (dtype.bits === 32 && op === '*' && dtype.isInteger) return Math.imul;
  if (dtype.bits === 64 && BITWISE[op] !== undefined) return BITWISE[op];
  return apply;
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

export type CompareOp = '<' | '<=' | '>' | '>=' | '==' | '!=';

/** Compares `out.length` pairs into 0 and 1. */
export function compareKernel(op: CompareOp, out: Uint8Array, pair: Pair): void {
  const { a, aStep, b, bStep } = pair;
  let { aStart: i, bStart: j } = pair;
  const n = out.length;
  if (op === '<') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) < (b[j] as number) ? 1 : 0;
  } else if (op === '<=') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) <= (b[j] as number) ? 1 : 0;
  } else if (op === '>') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) > (b[j] as number) ? 1 : 0;
  } else if (op === '>=') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = (a[i] as number) >= (b[j] as number) ? 1 : 0;
  } else if (op === '==') {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = a[i] === b[j] ? 1 : 0;
  } else {
    for (let k = 0; k < n; k++, i += aStep, j += bStep) out[k] = a[i] !== b[j] ? 1 : 0;
  }
}
