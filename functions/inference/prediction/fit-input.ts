import { BoxError } from '#lib/error/box-error.ts';
import { ARRAY_OF, type Dtype, type NumericData } from '#lib/tensor/dtype.ts';
import { toFloat16Bits } from '#lib/tensor/float16.ts';
import { elementCount, numberAt, parseTensor, type Tensor } from '#lib/tensor/tensor.ts';
import { type Dimension, type InputSpec, showShape } from '../model/model.ts';

/**
 * A feature's data as the tensor that an input of the model takes: in the model's own dtype, with its batch dimension.
 *
 * @param value nested lists, a scalar, or a tensor in compact form, with or without the leading batch dimension
 * @param declaredRank the number of dimensions that the scenario declares, for a model that leaves it open
 * @throws BoxError `invalid_argument` when dtype or shape do not fit
 */
export function fitInput(value: unknown, spec: InputSpec, declaredRank: number | undefined): Tensor {
  const tensor =
    fewFloats(value, spec) ??
    namedError(spec, () => castTensor(parseTensor(value, parseOptions(value, spec)), spec.dtype));
  const shape = fitShape(tensor.shape, spec, declaredRank);
  return shape === tensor.shape ? tensor : { ...tensor, shape };
}

function parseOptions(value: unknown, spec: InputSpec): { dtype?: Dtype } {
  // Lists are read as what the model takes; a compact tensor says itself what it is.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? {} : { dtype: spec.dtype };
}

/** The common case without its detours: a list of numbers, or a list of one such list, for a float32 input. */
function fewFloats(value: unknown, spec: InputSpec): Tensor | undefined {
  if (spec.dtype !== 'float32' || !Array.isArray(value)) return undefined;
  const first: unknown = value[0];
  const wrapped = Array.isArray(first) && value.length === 1;
  const list: readonly unknown[] = wrapped ? first : value;
  const data = new Float32Array(list.length);
  for (let i = 0; i < list.length; i++) {
    const item = list[i];
    if (typeof item !== 'number') return undefined;
    data[i] = item;
  }
  return { dtype: 'float32', shape: wrapped ? [1, list.length] : [list.length], data };
}

/**
 * The shape with its batch dimension. One dimension less than the model's: the batch dimension is missing and is put
 * before it. As many: it is there. Otherwise only dimensions of size 1 may be missing or too many, so that a lone
 * number fits an input of one element.
 */
function fitShape(shape: readonly number[], spec: InputSpec, declaredRank: number | undefined): readonly number[] {
  const wanted = spec.shape;
  if (wanted === undefined) {
    return declaredRank === shape.length + 1 ? [1, ...shape] : shape;
  }
  const candidates = [shape.length === wanted.length ? shape : undefined];
  if (shape.length === wanted.length - 1) candidates.push([1, ...shape]);
  candidates.push(withoutOnes(shape, wanted));
  const fitting = candidates.find((candidate) => candidate !== undefined && fits(candidate, wanted));
  if (fitting !== undefined) return fitting;
  throw new BoxError(
    'invalid_argument',
    `Cannot run model: input ${JSON.stringify(spec.name)} takes shape ${showShape(wanted)}, with or without its first dimension, got ${showShape(shape)}`,
  );
}

function fits(shape: readonly number[], wanted: readonly Dimension[]): boolean {
  return shape.length === wanted.length && wanted.every((size, i) => typeof size !== 'number' || size === shape[i]);
}

/** The model's sizes, dynamic ones as 1, when they differ from the given ones by dimensions of 1 alone. */
function withoutOnes(shape: readonly number[], wanted: readonly Dimension[]): readonly number[] | undefined {
  if (shape.length === wanted.length) return undefined;
  const sizes = wanted.map((size) => (typeof size === 'number' ? size : 1));
  const bare = (list: readonly number[]) => list.filter((size) => size !== 1).join();
  return bare(sizes) === bare(shape) ? sizes : undefined;
}

/**
 * The tensor in another dtype.
 *
 * @throws BoxError `invalid_argument` between text and numbers, and where a value would be changed by more than rounding
 */
function castTensor(tensor: Tensor, dtype: Dtype): Tensor {
  if (tensor.dtype === dtype) return tensor;
  if (tensor.dtype === 'string' || dtype === 'string') throw cannotCast(tensor.dtype, dtype);
  const count = elementCount(tensor.shape);
  const data: NumericData = new ARRAY_OF[dtype](count);
  for (let i = 0; i < count; i++) writeNumber(data, i, tensor, dtype);
  return { dtype, shape: tensor.shape, data };
}

function writeNumber(data: NumericData, i: number, from: Tensor, dtype: Dtype): void {
  const item = from.data[i];
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const number = typeof item === 'bigint' ? item : wholeNumber(numberAt(from, i), from.dtype, dtype);
    data[i] = number;
    if (data[i] !== number) throw cannotCast(from.dtype, dtype, String(number));
    return;
  }
  const number = numberAt(from, i);
  if (dtype === 'float16') data[i] = toFloat16Bits(number);
  else data[i] = number;
  const isFloat = dtype.startsWith('float');
  const isBroken = !isFloat && (data[i] !== number || (dtype === 'bool' && number > 1));
  if (isBroken) throw cannotCast(from.dtype, dtype, String(number));
}

function wholeNumber(number: number, from: Dtype, to: Dtype): bigint {
  if (!Number.isInteger(number)) throw cannotCast(from, to, String(number));
  return BigInt(number);
}

function cannotCast(from: Dtype, to: Dtype, value?: string): BoxError {
  const what = value === undefined ? from : `${from} ${value}`;
  return new BoxError('invalid_argument', `Cannot read tensor: the model takes ${to}, got ${what}`);
}

function namedError<T>(spec: InputSpec, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    throw new BoxError(error.code, `Cannot run model: input ${JSON.stringify(spec.name)}: ${error.message}`, {
      cause: error,
    });
  }
}
