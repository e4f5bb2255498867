import { isDtype } from '../../tensor/dtype.ts';
import { isStrings, numberAt, parseTensor, type Tensor } from '../../tensor/tensor.ts';
import {
  BOOL,
  type DType,
  dtypeNamed,
  FLOAT16,
  FLOAT64,
  INT64,
  type NumberStore,
  TEXT,
  UINT64,
} from '../array/dtype.ts';
import { NdArray } from '../array/ndarray.ts';
import { PyDict } from '../value/hashed.ts';
import { normalInt } from '../value/integer.ts';
import { valueError } from '../value/py-error.ts';
import { PyFloat, PyList, type Value } from '../value/value.ts';

/**
 * The data of an output or a feature as a rule sees it: an array where it is regular, as numpy's `array` would take
 * it (whole numbers as int64, other numbers as float64), else Python's lists and dicts. Text stays text.
 */
export function readData(data: unknown): Value {
  if (data instanceof NdArray) return data;
  if (isTensorLike(data))
    return fromTensor(ArrayBuffer.isView(data.data) ? (data as unknown as Tensor) : parseTensor(data));
  if (Array.isArray(data)) return arrayFrom(data) ?? readJson(data);
  if (typeof data === 'number') return arrayFrom(data) ?? null;
  return readJson(data);
}

/** A label or a probability as a rule sees it; `float` makes whole numbers floats. */
export function readScalar(value: unknown, kind?: 'float'): Value {
  if (value === undefined || value === null) return null;
  if (kind === 'float' && typeof value === 'number') return new PyFloat(value);
  return readJson(value);
}

function isTensorLike(data: unknown): data is { dtype: string; shape: unknown; data: unknown } {
  return (
    typeof data === 'object' &&
    data !== null &&
    'dtype' in data &&
    'shape' in data &&
    isDtype(data.dtype) &&
    'data' in data
  );
}

function fromTensor(tensor: Tensor): NdArray {
  if (isStrings(tensor.data)) return new NdArray(TEXT, tensor.shape, tensor.data);
  const dtype = dtypeNamed(tensor.dtype) ?? FLOAT64;
  if (dtype !== FLOAT16 && dtype !== INT64 && dtype !== UINT64)
    return new NdArray(dtype, tensor.shape, tensor.data as NumberStore);
  const numbers = dtype.numbers(tensor.data.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = dtype.fit(numberAt(tensor, i));
  return new NdArray(dtype, tensor.shape, numbers);
}

/** Regular nested lists of numbers, booleans or text as an array; `undefined` where they are not that. */
function arrayFrom(nested: unknown): NdArray | undefined {
  const shape = shapeOf(nested);
  const flat: (number | string | boolean)[] = [];
  if (!flatten(nested, shape, 0, flat)) return undefined;
  const dtype = commonDType(flat);
  if (dtype === undefined) return undefined;
  if (dtype === TEXT) return new NdArray(TEXT, shape, flat as string[]);
  const numbers = dtype.numbers(flat.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = Number(flat[i]);
  return new NdArray(dtype, shape, numbers);
}

function shapeOf(nested: unknown): number[] {
  const shape: number[] = [];
  for (let level = nested; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > 32) throw valueError('lists may nest 32 deep');
  }
  return shape;
}

function flatten(value: unknown, shape: readonly number[], depth: number, out: (number | string | boolean)[]): boolean {
  if (depth < shape.length) {
    if (!Array.isArray(value) || value.length !== shape[depth]) return false;
    for (const item of value) if (!flatten(item, shape, depth + 1, out)) return false;
    return true;
  }
  // JSON has no NaN: senders write null for it.
  if (value === null) out.push(Number.NaN);
  else if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') out.push(value);
  else return false;
  return true;
}

function commonDType(flat: readonly (number | string | boolean)[]): DType | undefined {
  let texts = 0;
  let booleans = 0;
  let whole = true;
  for (const item of flat) {
    if (typeof item === 'string') texts++;
    else if (typeof item === 'boolean') booleans++;
    else if (!Number.isSafeInteger(item) || Object.is(item, -0)) whole = false;
  }
  if (texts > 0) return texts === flat.length ? TEXT : undefined;
  if (flat.length === 0) return FLOAT64;
  if (booleans === flat.length) return BOOL;
  return whole ? INT64 : FLOAT64;
}

const MAX_DEPTH = 64;

function readJson(value: unknown, depth = 0): Value {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'bigint':
      return normalInt(value);
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : new PyFloat(value);
    case 'object':
      if (depth > MAX_DEPTH) throw valueError(`data may nest ${MAX_DEPTH} deep`);
      return readObject(value, depth + 1);
    default:
      return null;
  }
}

function readObject(value: object | null, depth: number): Value {
  if (value === null) return null;
  if (Array.isArray(value)) return new PyList(value.map((item) => readJson(item, depth)));
  if (value instanceof Map) return dictFrom(value, depth);
  const entries = Object.entries(value);
  // JSON writes the int keys of scikit-learn's ZipMap as text, and its float values 1.0 as 1.
  const whole = entries.length > 0 && entries.every(([key]) => /^(0|-?[1-9]\d{0,14})$/.test(key));
  if (!whole) return dictFrom(entries, depth);
  const dict = new PyDict({ looseKeys: true });
  for (const [key, item] of entries) {
    dict.set(Number(key), typeof item === 'number' ? new PyFloat(item) : readJson(item, depth));
  }
  return dict;
}

function dictFrom(entries: Iterable<[unknown, unknown]>, depth: number): PyDict {
  const dict = new PyDict();
  for (const [key, item] of entries) dict.set(readJson(key), readJson(item, depth));
  return dict;
}
