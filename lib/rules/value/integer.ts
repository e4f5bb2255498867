import type { Evaluation } from '../evaluation.ts';
import { PyError, valueError } from './py-error.ts';

/** Python's int: a number while it is safe, a bigint beyond. */
export type Int = number | bigint;

export function isInt(value: unknown): value is Int {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The int in its one representation. */
export function normalInt(value: bigint): Int {
  return value <= MAX_SAFE && value >= MIN_SAFE ? Number(value) : value;
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER);

/** The int of a whole float of any size. */
export function intOfWhole(value: number): Int {
  return Number.isSafeInteger(value) ? value + 0 : normalInt(BigInt(value));
}

export function addInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return normalInt(BigInt(a) + BigInt(b));
}

export function subtractInt(a: Int, b: Int): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return normalInt(BigInt(a) - BigInt(b));
}

export function multiplyInt(a: Int, b: Int, evaluation: Evaluation): Int {
  if (typeof a === 'number' && typeof b === 'number') {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  checkBits(bitLength(a) + bitLength(b), evaluation);
  return normalInt(BigInt(a) * BigInt(b));
}

/** Quotient rounded down and remainder with the divisor's sign. */
export function divmodInt(a: Int, b: Int): readonly [Int, Int] {
  if (typeof a === 'number' && typeof b === 'number') {
    if (b === 0) throw new PyError('ZeroDivisionError', 'integer division or modulo by zero');
    const rest = a % b;
    const quotient = (a - rest) / b;
    return rest !== 0 && rest < 0 !== b < 0 ? [quotient - 1, rest + b] : [quotient + 0, rest + 0];
  }
  const [x, y] = [BigInt(a), BigInt(b)];
  if (y === 0n) throw new PyError('ZeroDivisionError', 'integer division or modulo by zero');
  const rest = x % y;
  const quotient = x / y;
  if (rest !== 0n && rest < 0n !== y < 0n) return [normalInt(quotient - 1n), normalInt(rest + y)];
  return [normalInt(quotient), normalInt(rest)];
}

/** `a ** b` for `b` from 0. @throws PyError BudgetError for a result of too many bits. */
export function powerInt(a: Int, b: Int, evaluation: Evaluation): Int {
  if (a === 1 || b === 0) return 1;
  if (a === 0) return 0;
  if (a === -1) return Number(BigInt(b) % 2n) === 0 ? 1 : -1;
  checkBits((bitLength(a) - 1) * Number(b), evaluation);
  return normalInt(BigInt(a) ** BigInt(b));
}

export function shiftInt(op: '<<' | '>>', a: Int, b: Int, evaluation: Evaluation): Int {
  if (b < 0) throw valueError('negative shift count');
  if (op === '>>') {
    if (bitLength(b) > 31) return a < 0 ? -1 : 0;
    return normalInt(BigInt(a) >> BigInt(b));
  }
  if (a === 0) return 0;
  checkBits(bitLength(a) + Number(b), evaluation);
  return normalInt(BigInt(a) << BigInt(b));
}

export function bitwiseInt(op: '&' | '|' | '^', a: Int, b: Int): Int {
  const [x, y] = [BigInt(a), BigInt(b)];
  return normalInt(op === '&' ? x & y : op === '|' ? x | y : x ^ y);
}

/** `a / b`, correctly rounded also beyond 2^53. */
export function divideInt(a: Int, b: Int): number {
  if (b === 0) throw new PyError('ZeroDivisionError', 'division by zero');
  if (typeof a === 'number' && typeof b === 'number') return a / b;
  const negative = a < 0 !== b < 0;
  const x = magnitude(BigInt(a));
  const y = magnitude(BigInt(b));
  // 66 bits of quotient and a sticky bit round as the exact quotient does.
  const shift = 66 - (bitsOf(x) - bitsOf(y));
  const top = shift > 0 ? x << BigInt(shift) : x;
  const bottom = shift < 0 ? y << BigInt(-shift) : y;
  const quotient = top / bottom;
  const sticky = top % bottom === 0n ? 0n : 1n;
  const scaled = scaleByPowerOfTwo(Number((quotient << 1n) | sticky), -shift - 1);
  if (!Number.isFinite(scaled)) throw new PyError('OverflowError', 'integer division result too large for a float');
  return negative ? -scaled : scaled;
}

function scaleByPowerOfTwo(value: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return value * 2 ** half * 2 ** (exponent - half);
}

/** The float of an int. @throws PyError OverflowError beyond the largest float. */
export function floatOfInt(value: Int): number {
  const float = Number(value);
  if (!Number.isFinite(float)) throw new PyError('OverflowError', 'int too large to convert to float');
  return float;
}

/** Bits of the magnitude, at most one too many. */
function bitLength(value: Int): number {
  if (typeof value === 'bigint') return bitsOf(magnitude(value));
  return value === 0 ? 1 : Math.floor(Math.log2(Math.abs(value))) + 1;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function bitsOf(value: bigint): number {
  return value.toString(16).length * 4 - (Math.clz32(Number.parseInt(value.toString(16)[0] as string, 16)) - 28);
}

function checkBits(bits: number, evaluation: Evaluation): void {
  if (bits > evaluation.limits.maxIntegerBits) {
    throw new PyError(
      'BudgetError',
      `an integer may have ${evaluation.limits.maxIntegerBits} bits, this one about ${bits}`,
    );
  }
  evaluation.spend(Math.ceil(bits / 64));
}

/** Reads text as Python's `int(text, base)` does. */
export function intFromText(text: string, base: number): Int {
  const trimmed = text.trim().toLowerCase();
  const match = /^([+-]?)(?:0([xob]))?_?([0-9a-z]+(?:_[0-9a-z]+)*)$/.exec(trimmed);
  const refused = valueError(`invalid literal for int() with base ${base}: ${JSON.stringify(text.slice(0, 60))}`);
  if (match === null) throw refused;
  const [, sign, prefix, body = ''] = match;
  const prefixBase = prefix === 'x' ? 16 : prefix === 'o' ? 8 : prefix === 'b' ? 2 : undefined;
  const radix = base === 0 ? (prefixBase ?? 10) : base;
  if (prefixBase !== undefined && prefixBase !== radix) throw refused;
  if (body.length > 4300) throw valueError('Exceeds the limit (4300 digits) for integer string conversion');
  let value = 0n;
  for (const digit of body.replaceAll('_', '')) {
    const worth = Number.parseInt(digit, 36);
    if (worth >= radix) throw refused;
    value = value * BigInt(radix) + BigInt(worth);
  }
  return normalInt(sign === '-' ? -value : value);
}
