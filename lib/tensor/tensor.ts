import { BoxError } from '../error/box-error.ts';
import { isRecord } from '../json/json-object.ts';
import { ARRAY_OF, type Dtype, isDtype, type NumericData, type TensorData } from './dtype.ts';
import { fromFloat16Bits, toFloat16Bits } from './float16.ts';

/** An n-dimensional array in row-major order; `data.length` is the product of `shape`. */
export interface Tensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A tensor as messages carry it: the little-endian bytes of its elements in base64 (of strings: the nested list). */
export interface WireTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: string;
}

/** A value as JSON nests it: a scalar, or a list of such. */
export type Nested = number | bigint | string | boolean | null | readonly Nested[];

export interface ParseOptions {
  /** The dtype that nested lists are read as (default `float32` for numbers, `string` for text, `bool` for booleans). */
  readonly dtype?: Dtype;
  /** The largest number of elements taken (default 16 Mi). */
  readonly maxElements?: number;
}

const DEFAULT_MAX_ELEMENTS = 16 * 1024 * 1024;

/** The number of elements of a shape; 1 for a scalar's `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** What a shape takes as nested lists: where a size is 0 there are no elements, and lists of nothing for all others. */
export function roomOf(shape: readonly number[]): number {
  return elementCount(shape.map((size) => size || 1));
}

/**
 * Reads a tensor from a message: nested lists of equal lengths, a scalar, or `{ dtype, shape, data }` with base64 data.
 *
 * @throws BoxError `invalid_argument` for ragged lists, mixed element types, a shape that the bytes do not fit.
 */
export function parseTensor(value: unknown, options: ParseOptions = {}): Tensor {
  if (isRecord(value)) return parseWireTensor(value, options);
  return parseNested(value, options);
}

function parseWireTensor(value: Record<string, unknown>, options: ParseOptions): Tensor {
  const { dtype, shape, data } = value;
  if (!isDtype(dtype)) throw invalid(`dtype must be a numpy name such as float32, got ${JSON.stringify(dtype)}`);
  if (!isShape(shape)) throw invalid(`shape must be a list of whole numbers from 0, got ${JSON.stringify(shape)}`);
  const count = elementCount(shape);
  checkCount(roomOf(shape), options);
  if (dtype === 'string') {
    const nested = parseNested(data, { ...options, dtype: 'string' });
    if (nested.data.length !== count)
      throw invalid(`shape ${show(shape)} needs ${count} strings, got ${nested.data.length}`);
    return { dtype, shape, data: nested.data };
  }
  if (typeof data !== 'string') throw invalid(`data must be base64 text, got ${typeof data}`);
  const elements = numericFromBytes(dtype, Buffer.from(data, 'base64'), count);
  // A model would compute with what is neither.
  if (dtype === 'bool' && elements.some((item: number | bigint) => item > 1))
    throw invalid('a byte of bool must be 0 or 1');
  return { dtype, shape, data: elements };
}

/**
 * The elements of a numeric tensor from their little-endian bytes.
 *
 * @throws BoxError `invalid_argument` when the bytes are not exactly `count` elements.
 */
export function numericFromBytes(dtype: Exclude<Dtype, 'string'>, bytes: Uint8Array, count: number): NumericData {
  const type = ARRAY_OF[dtype];
  const expected = count * type.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== expected) {
    throw invalid(`${count} elements of ${dtype} are ${expected} bytes, got ${bytes.byteLength}`);
  }
  // A copy of its own: pooled Buffers are neither aligned nor transferable. A slice would be filled with zeros first.
  const copy = Buffer.allocUnsafeSlow(expected);
  copy.set(bytes);
  return new type(copy.buffer, 0, count);
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 32 && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function checkCount(count: number, options: ParseOptions): void {
  const max = options.maxElements ?? DEFAULT_MAX_ELEMENTS;
  if (count > max)
    throw new BoxError('too_large', `Cannot read tensor: at most ${max} elements are taken, got ${count}`);
}

function parseNested(value: unknown, options: ParseOptions): Tensor {
  const shape = nestedShape(value);
  const count = elementCount(shape);
  checkCount(count, options);
  const dtype = options.dtype ?? guessDtype(value);
  const flat: unknown[] = [];
  flatten(value, shape, 0, flat);
  return { dtype, shape, data: dtype === 'string' ? flat.map(asString) : numericFrom(dtype, flat) };
}

function nestedShape(value: unknown): number[] {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > 32) throw invalid('lists may nest 32 deep');
  }
  return shape;
}

function guessDtype(value: unknown): Dtype {
  let first = value;
  while (Array.isArray(first)) first = first[0];
  if (typeof first === 'string') return 'string';
  if (typeof first === 'boolean') return 'bool';
  return 'float32';
}

function flatten(value: unknown, shape: readonly number[], depth: number, out: unknown[]): void {
  if (depth === shape.length) {
    if (Array.isArray(value)) throw invalid(`lists of one level must be equally deep, got a list below level ${depth}`);
    out.push(value);
    return;
  }
  if (!Array.isArray(value))
    throw invalid(`lists of one level must be equally deep, got ${describe(value)} at level ${depth}`);
  if (value.length !== shape[depth]) {
    throw invalid(`lists of level ${depth} must be equally long (${shape[depth]}), got ${value.length}`);
  }
  for (const item of value) flatten(item, shape, depth + 1, out);
}

function numericFrom(dtype: Exclude<Dtype, 'string'>, flat: readonly unknown[]): NumericData {
  if (dtype === 'int64' || dtype === 'uint64') {
    const big = dtype === 'int64' ? new BigInt64Array(flat.length) : new BigUint64Array(flat.length);
    flat.forEach((item, i) => {
      big[i] = asBigInt(item, dtype);
    });
    return big;
  }
  const data = new ARRAY_OF[dtype](flat.length);
  for (let i = 0; i < flat.length; i++) {
    const number = asNumber(flat[i], dtype);
    data[i] = dtype === 'float16' ? toFloat16Bits(number) : number;
  }
  return data;
}

const INTEGER_RANGE: Partial<Record<Dtype, readonly [number, number]>> = {
  bool: [0, 1],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
};

function asNumber(item: unknown, dtype: Dtype): number {
  const number = typeof item === 'boolean' || typeof item === 'bigint' ? Number(item) : item;
  if (typeof number !== 'number') {
    // JSON has no NaN: senders write null for it.
    if (number === null && dtype.startsWith('float')) return Number.NaN;
    throw invalid(`an element of ${dtype} must be a number, got ${describe(item)}`);
  }
  const range = INTEGER_RANGE[dtype];
  if (range && !(Number.isInteger(number) && number >= range[0] && number <= range[1])) {
    throw invalid(`an element of ${dtype} must be a whole number from ${range[0]} to ${range[1]}, got ${number}`);
  }
  return number;
}

function asBigInt(item: unknown, dtype: 'int64' | 'uint64'): bigint {
  const whole = typeof item === 'bigint' || (typeof item === 'number' && Number.isInteger(item));
  const text = typeof item === 'string' && /^-?\d{1,20}$/.test(item);
  if (!whole && !text) throw invalid(`an element of ${dtype} must be a whole number, got ${describe(item)}`);
  const value = BigInt(item as number | bigint | string);
  const fitted = dtype === 'int64' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  if (fitted !== value) throw invalid(`an element of ${dtype} must fit 64 bits, got ${value}`);
  return value;
}

function asString(item: unknown): string {
  if (typeof item !== 'string') throw invalid(`an element of string must be text, got ${describe(item)}`);
  return item;
}

/** Element `index` as a JavaScript number (64-bit integers beyond 2^53 lose precision; strings throw). */
export function numberAt(tensor: Tensor, index: number): number {
  const item = tensor.data[index];
  if (typeof item === 'string' || item === undefined) throw invalid(`element ${index} is not a number`);
  return tensor.dtype === 'float16' ? fromFloat16Bits(Number(item)) : Number(item);
}

/**
 * The tensor as nested lists. Booleans come as booleans; 64-bit integers as numbers where they are exact and as
 * decimal text beyond 2^53; NaN and infinities as they are (JSON writes null).
 */
export function toNested(tensor: Tensor): Nested {
  let next = 0;
  const build = (depth: number): Nested => {
    if (depth === tensor.shape.length) return elementAt(tensor, next++);
    const size = tensor.shape[depth] ?? 0;
    const list = new Array<Nested>(size);
    for (let i = 0; i < size; i++) list[i] = build(depth + 1);
    return list;
  };
  return build(0);
}

function elementAt(tensor: Tensor, index: number): number | string | boolean {
  const item = tensor.data[index];
  if (item === undefined) throw invalid(`shape ${show(tensor.shape)} has more elements than its data`);
  if (typeof item === 'bigint') {
    return item >= Number.MIN_SAFE_INTEGER && item <= Number.MAX_SAFE_INTEGER ? Number(item) : item.toString();
  }
  if (typeof item === 'string') return item;
  if (tensor.dtype === 'bool') return item !== 0;
  return tensor.dtype === 'float16' ? fromFloat16Bits(item) : item;
}

/** The little-endian bytes of a numeric tensor, sharing its memory. */
export function tensorBytes(data: NumericData): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The tensor as messages carry it in compact form; a tensor of strings keeps its flat list. */
export function toWire(
  tensor: Tensor,
): WireTensor | { dtype: 'string'; shape: readonly number[]; data: readonly string[] } {
  if (isStrings(tensor.data)) return { dtype: 'string', shape: tensor.shape, data: tensor.data };
  return { dtype: tensor.dtype, shape: tensor.shape, data: tensorBytes(tensor.data).toString('base64') };
}

export function isStrings(data: TensorData): data is readonly string[] {
  return Array.isArray(data);
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? `text ${JSON.stringify(value.slice(0, 40))}` : `${typeof value} ${String(value)}`;
}

function show(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read tensor: ${rule}`);
}
