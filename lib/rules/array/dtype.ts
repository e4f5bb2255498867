import { fromFloat16Bits, toFloat16Bits } from '../../tensor/float16.ts';
import { PyError } from '../value/py-error.ts';

export type NumberStore =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** The elements of any array, row-major; text for strings, numbers for all else (booleans as 0 and 1). */
export interface Store {
  readonly length: number;
  [index: number]: number | string;
}

export type DTypeKind = 'bool' | 'int' | 'uint' | 'float' | 'text';

/**
 * A numpy element type. 64-bit integers are kept in doubles: exact to 2^53, and refused (never wrong) beyond;
 * float16 is kept in float32 memory, rounded after each operation.
 */
export class DType {
  readonly name: string;
  readonly kind: DTypeKind;
  readonly bits: number;
  /** A number as this type holds it: rounded, wrapped, or refused. */
  readonly fit: (value: number) => number;
  private readonly store: (length: number) => NumberStore;

  constructor(
    name: string,
    kind: DTypeKind,
    bits: number,
    store: (length: number) => NumberStore,
    fit: (value: number) => number,
  ) {
    this.name = name;
    this.kind = kind;
    this.bits = bits;
    this.store = store;
    this.fit = fit;
  }

  /** Memory for `length` numbers, all zero. */
  numbers(length: number): NumberStore {
    return this.store(length);
  }

  /** Memory for `length` elements, zero or empty text. */
  elements(length: number): Store {
    return this.kind === 'text' ? new Array<string>(length).fill('') : this.store(length);
  }

  get isInteger(): boolean {
    return this.kind === 'int' || this.kind === 'uint';
  }
}

function bytes(length: number): NumberStore {
  return new Uint8Array(length);
}

function doubles(length: number): NumberStore {
  return new Float64Array(length);
}

function singles(length: number): NumberStore {
  return new Float32Array(length);
}

/** @throws PyError OverflowError beyond 2^53, where a double would be silently inexact. */
function safeInteger(value: number): number {
  if (value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER) return value;
  throw new PyError('OverflowError', `64-bit integers in arrays are exact to 2**53 here, got ${value}`);
}

export function float16Round(value: number): number {
  return fromFloat16Bits(toFloat16Bits(value));
}

export const BOOL = new DType('bool', 'bool', 8, bytes, (v) => (v === 0 ? 0 : 1));
export const INT8 = new DType(
  'int8',
  'int',
  8,
  (n) => new Int8Array(n),
  (v) => (v << 24) >> 24,
);
export const INT16 = new DType(
  'int16',
  'int',
  16,
  (n) => new Int16Array(n),
  (v) => (v << 16) >> 16,
);
export const INT32 = new DType(
  'int32',
  'int',
  32,
  (n) => new Int32Array(n),
  (v) => v | 0,
);
export const INT64 = new DType('int64', 'int', 64, doubles, safeInteger);
export const UINT8 = new DType('uint8', 'uint', 8, bytes, (v) => v & 0xff);
export const UINT16 = new DType(
  'uint16',
  'uint',
  16,
  (n) => new Uint16Array(n),
  (v) => v & 0xffff,
);
export const UINT32 = new DType(
  'uint32',
  'uint',
  32,
  (n) => new Uint32Array(n),
  (v) => v >>> 0,
);
export const UINT64 = new DType('uint64', 'uint', 64, doubles, safeInteger);
export const FLOAT16 = new DType('float16', 'float', 16, singles, float16Round);
export const FLOAT32 = new DType('float32', 'float', 32, singles, Math.fround);
export const FLOAT64 = new DType('float64', 'float', 64, doubles, (v) => v);
export const TEXT = new DType('str', 'text', 0, bytes, (v) => v);

const BY_NAME: ReadonlyMap<string, DType> = new Map(
  [BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT16, FLOAT32, FLOAT64, TEXT]
    .map((dtype): [string, DType] => [dtype.name, dtype])
    .concat([
      ['int', INT64],
      ['float', FLOAT64],
      ['string', TEXT],
    ]),
);

/** The element type of a numpy or tensor name, `undefined` for another name. */
export function dtypeNamed(name: string): DType | undefined {
  return BY_NAME.get(name);
}

const FLOATS = [FLOAT16, FLOAT32, FLOAT64];
const INTS = [INT8, INT16, INT32, INT64];

/** The float type that integers of this many bits need. */
function floatFor(dtype: DType): DType {
  if (dtype.kind === 'float') return dtype;
  return dtype.bits <= 8 ? FLOAT16 : dtype.bits <= 16 ? FLOAT32 : FLOAT64;
}

/** The type that a function with a float result (`sqrt`, `exp`, …) gives for this one. */
export const floatResult = floatFor;

/** numpy's promotion of two element types. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  if (a.kind === 'text' || b.kind === 'text') return TEXT;
  if (a.kind === 'bool') return b;
  if (b.kind === 'bool') return a;
  if (a.kind === 'float' || b.kind === 'float') return wider(FLOATS, floatFor(a), floatFor(b));
  if (a.kind === b.kind) return a.bits >= b.bits ? a : b;
  const [signed, unsigned] = a.kind === 'int' ? [a, b] : [b, a];
  if (signed.bits > unsigned.bits) return signed;
  return INTS.find((candidate) => candidate.bits > unsigned.bits) ?? FLOAT64;
}

function wider(order: readonly DType[], a: DType, b: DType): DType {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}

/** Brings what a kernel stored into the range that the type promises where its memory does not do so by itself. */
export function settle(dtype: DType, data: NumberStore): void {
  if (dtype === FLOAT16) {
    for (let i = 0; i < data.length; i++) data[i] = float16Round(data[i] as number);
  } else if (dtype === INT64 || dtype === UINT64) {
    for (let i = 0; i < data.length; i++) safeInteger(data[i] as number);
  }
}
