import type { TensorValue } from '../message/body.ts';
import type { FeatureDescriptor } from '../scenario/scenario.ts';
import { ARRAY_OF, type Dtype, type NumericData } from '../tensor/dtype.ts';
import { toFloat16Bits } from '../tensor/float16.ts';
import { type Nested, tensorBytes, toNested } from '../tensor/tensor.ts';
import { fault, MAX_ELEMENTS, type Numbers, type Texts, toNumbers, toTexts, type Value } from './value.ts';

/**
 * Arrays of up to this many elements go out as nested lists, which people and functions in any language read; larger
 * ones as base64, which costs a tenth to write and to read.
 */
const MAX_NESTED = 64;

export type FeatureOutput = (value: Value) => TensorValue;

/** How a value goes out as a feature of its type. */
export function featureOutput(type: FeatureDescriptor['feature_type'], dtype: Dtype | undefined): FeatureOutput {
  switch (type) {
    case 'stringtype':
      return (value) => nestedTexts(toTexts(value));
    case 'numerictype':
      return (value) => oneNumber(value, dtype);
    case 'numpyarraytype':
      return arrayOutput(dtype);
  }
}

function nestedTexts({ shape, data }: Texts): Nested {
  if (shape.length === 0) return data[0] ?? '';
  return toNested({ dtype: 'string', shape, data });
}

function oneNumber(value: Value, dtype: Dtype | undefined): TensorValue {
  if (dtype === 'string') throw fault('must not have dtype string: it is a number');
  // What most sensors send; nothing to convert.
  if (dtype === undefined && value.kind === 'json' && typeof value.json === 'number') return value.json;
  const numbers = toNumbers(value);
  if (numbers.data.length !== 1)
    throw fault(`must be one number (numpyarraytype takes several), got ${numbers.data.length}`);
  return written({ ...numbers, shape: [] }, dtype ?? 'float64');
}

function arrayOutput(dtype: Dtype | undefined): FeatureOutput {
  if (dtype === 'string') return (value) => nestedTexts(toTexts(value));
  return (value) => {
    if (value.kind === 'json' && dtype === undefined && isPlainList(value.json)) return value.json;
    return written(toNumbers(value), dtype ?? 'float32');
  };
}

/** A short list of numbers goes out as it came in: the fast path of most signals. */
function isPlainList(json: unknown): json is number[] {
  if (!Array.isArray(json) || json.length > MAX_NESTED) return false;
  for (let i = 0; i < json.length; i++) if (typeof json[i] !== 'number') return false;
  return true;
}

/** Numbers as a tensor of the dtype, nested where short. Nested lists cannot say infinity. */
function written(numbers: Numbers, dtype: Exclude<Dtype, 'string'>): TensorValue {
  const { shape, data } = numbers;
  if (data.length > MAX_ELEMENTS) throw fault(`must have at most ${MAX_ELEMENTS} elements, got ${data.length}`);
  checkRange(data, dtype);
  if (data.length > MAX_NESTED || !allFinite(data)) return { dtype, shape, data: base64(converted(data, dtype)) };
  if (dtype === 'bool') return toNested({ dtype, shape, data: Uint8Array.from(data) });
  return toNested({ dtype: 'float64', shape, data: Float64Array.from(data) });
}

function base64(data: NumericData): string {
  return tensorBytes(data).toString('base64');
}

function allFinite(data: Float64Array | Uint8Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}

function converted(data: Float64Array | Uint8Array, dtype: Exclude<Dtype, 'string'>): NumericData {
  if (dtype === 'float16') return Uint16Array.from(data, toFloat16Bits);
  if (dtype === 'int64') return BigInt64Array.from(Array.from(data, BigInt));
  if (dtype === 'uint64') return BigUint64Array.from(Array.from(data, BigInt));
  if (data instanceof Uint8Array && (dtype === 'uint8' || dtype === 'bool')) return data;
  const out = new ARRAY_OF[dtype](data.length) as Float32Array;
  out.set(data);
  return out;
}

const RANGES: Partial<Record<Dtype, readonly [number, number]>> = {
  bool: [0, 1],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Whole numbers must be whole and fit: nothing is cut off or wrapped in silence. */
function checkRange(data: Float64Array | Uint8Array, dtype: Dtype): void {
  const range = RANGES[dtype];
  if (range === undefined || (data instanceof Uint8Array && range[1] >= 255)) return;
  const [low, high] = range;
  for (let i = 0; i < data.length; i++) {
    const item = data[i] as number;
    if (!Number.isInteger(item) || item < low || item > high) {
      throw fault(`must be whole numbers from ${low} to ${high} for dtype ${dtype}, got ${item} at element ${i}`);
    }
  }
}
