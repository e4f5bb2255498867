import type { DType, NumberStore } from './dtype.ts';
import { type ArithmeticOp, type CompareOp, scalarOperation } from './scalar-operation.ts';

/** One side of an operation: elements from an offset, or one number for all of them. */
export type Side = { readonly data: NumberStore; readonly start: number } | number;

/**
 * Applies an operation to `out.length` pairs of elements. The common operations have a loop each, for arrays and for a
 * number on either side: a call per element would cost fivefold.
 */
export function arithmeticKernel(op: ArithmeticOp, dtype: DType, out: NumberStore, left: Side, right: Side): void {
  // Products of 32-bit integers do not fit a double's 53 bits.
  const simple = dtype.kind === 'float' || (dtype.isInteger && dtype.bits !== 32);
  if (!simple || !(op === '+' || op === '-' || op === '*' || op === '/')) applyEach(op, dtype, out, left, right);
  else if (typeof right === 'number') {
    if (typeof left === 'number') applyEach(op, dtype, out, left, right);
    else withNumber(op, out, left.data, left.start, right);
  } else if (typeof left === 'number') fromNumber(op, out, left, right.data, right.start);
  else pairwise(op, out, left.data, left.start, right.data, right.start);
}

type SimpleOp = '+' | '-' | '*' | '/';

function withNumber(op: SimpleOp, out: NumberStore, a: NumberStore, start: number, y: number): void {
  const n = out.length;
  if (op === '+') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) + y;
  else if (op === '-') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) - y;
  else if (op === '*') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) * y;
  else for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) / y;
}

function fromNumber(op: SimpleOp, out: NumberStore, x: number, b: NumberStore, start: number): void {
  const n = out.length;
  if (op === '+') for (let k = 0; k < n; k++) out[k] = x + (b[start + k] as number);
  else if (op === '-') for (let k = 0; k < n; k++) out[k] = x - (b[start + k] as number);
  else if (op === '*') for (let k = 0; k < n; k++) out[k] = x * (b[start + k] as number);
  else for (let k = 0; k < n; k++) out[k] = x / (b[start + k] as number);
}

function pairwise(op: SimpleOp, out: NumberStore, a: NumberStore, i: number, b: NumberStore, j: number): void {
  const n = out.length;
  if (op === '+') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) + (b[j + k] as number);
  else if (op === '-') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) - (b[j + k] as number);
  else if (op === '*') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) * (b[j + k] as number);
  else for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) / (b[j + k] as number);
}

function applyEach(op: ArithmeticOp, dtype: DType, out: NumberStore, left: Side, right: Side): void {
  const apply = scalarOperation(op, dtype);
  for (let k = 0; k < out.length; k++) out[k] = apply(elementOf(left, k), elementOf(right, k));
}

function elementOf(side: Side, k: number): number {
  return typeof side === 'number' ? side : (side.data[side.start + k] as number);
}

/** Compares `out.length` pairs into 0 and 1. */
export function compareKernel(op: CompareOp, out: Uint8Array, left: Side, right: Side): void {
  if (typeof left === 'number') {
    if (typeof right === 'number') compareNumber(op, out, Float64Array.of(left), 0, right);
    else compareNumber(MIRRORED[op], out, right.data, right.start, left);
  } else if (typeof right === 'number') compareNumber(op, out, left.data, left.start, right);
  else compareArrays(op, out, left.data, left.start, right.data, right.start);
}

/** `x < a` is `a > x`. */
const MIRRORED: Readonly<Record<CompareOp, CompareOp>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '==': '==',
  '!=': '!=',
};

function compareNumber(op: CompareOp, out: Uint8Array, a: NumberStore, start: number, y: number): void {
  const n = out.length;
  if (op === '<') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) < y ? 1 : 0;
  else if (op === '<=') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) <= y ? 1 : 0;
  else if (op === '>') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) > y ? 1 : 0;
  else if (op === '>=') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) >= y ? 1 : 0;
  else if (op === '==') for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) === y ? 1 : 0;
  else for (let k = 0; k < n; k++) out[k] = (a[start + k] as number) !== y ? 1 : 0;
}

function compareArrays(op: CompareOp, out: Uint8Array, a: NumberStore, i: number, b: NumberStore, j: number): void {
  const n = out.length;
  if (op === '<') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) < (b[j + k] as number) ? 1 : 0;
  else if (op === '<=') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) <= (b[j + k] as number) ? 1 : 0;
  else if (op === '>') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) > (b[j + k] as number) ? 1 : 0;
  else if (op === '>=') for (let k = 0; k < n; k++) out[k] = (a[i + k] as number) >= (b[j + k] as number) ? 1 : 0;
  else if (op === '==') for (let k = 0; k < n; k++) out[k] = a[i + k] === b[j + k] ? 1 : 0;
  else for (let k = 0; k < n; k++) out[k] = a[i + k] !== b[j + k] ? 1 : 0;
}
