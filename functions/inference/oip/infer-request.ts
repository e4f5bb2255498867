import { BoxError } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';
import { elementCount, parseTensor, roomOf, type Tensor } from '#lib/tensor/tensor.ts';
import { type InputSpec, type Signature, showShape } from '../model/model.ts';
import { readBinaryTensor } from './binary-tensor.ts';
import { DATATYPE_OF } from './datatype.ts';
import type { SplitBody } from './request-body.ts';

/** An output that a request asks for. */
export interface RequestedOutput {
  readonly name: string;
  readonly isBinary: boolean;
  /** How many of the likeliest classes are wanted in place of the tensor; 0 for the tensor. */
  readonly classes: number;
}

export interface InferRequest {
  readonly id: string | undefined;
  /** Whose values these are, for models that learn: the parameter `sequence_id`. */
  readonly sequence: string | undefined;
  /** One tensor per input of the model, in its order. */
  readonly inputs: readonly Tensor[];
  /** Empty: all of the model's. */
  readonly outputs: readonly RequestedOutput[];
  /** Whether outputs go out in binary where the request names none. */
  readonly isBinary: boolean;
}

const MAX_ELEMENTS = 64 * 1024 * 1024;

/**
 * Reads an inference request against the model that it is for.
 *
 * @throws BoxError `invalid_argument` for everything that does not fit: names, datatypes, shapes, lengths
 */
export function readInferRequest(body: SplitBody, signature: Signature): InferRequest {
  const json = exactIntegers(body, signature);
  if (!isRecord(json) || !Array.isArray(json.inputs)) throw invalid('it must be { "inputs": [...] }');
  const given = readInputs(json.inputs, body.binary, signature);
  const inputs = signature.inputs.map((spec) => {
    const tensor = given.get(spec.name);
    if (tensor === undefined) throw invalid(`input ${quote(spec.name)} must be given`);
    return tensor;
  });
  const isBinary = readFlag(parametersOf(json), 'binary_data_output');
  return {
    id: typeof json.id === 'string' ? json.id : undefined,
    sequence: readSequence(parametersOf(json).sequence_id),
    inputs,
    outputs: json.outputs === undefined ? [] : readOutputs(json.outputs, signature, isBinary),
    isBinary,
  };
}

/** JSON.parse rounds whole numbers beyond 2^53; where the model takes 64 bits, their text is read instead. */
function exactIntegers({ json, text }: SplitBody, signature: Signature): unknown {
  const takes64 = signature.inputs.some(({ dtype }) => dtype === 'int64' || dtype === 'uint64');
  if (!takes64 || !/\d{16}/.test(text.toString('latin1'))) return json;
  return JSON.parse(text.toString('utf8'), ((_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source)
      ? BigInt(context.source)
      : value) as (key: string, value: unknown) => unknown);
}

function readInputs(list: readonly unknown[], binary: Buffer, signature: Signature): Map<string, Tensor> {
  const given = new Map<string, Tensor>();
  let at = 0;
  for (const item of list) {
    if (!isRecord(item) || typeof item.name !== 'string') throw invalid('an input must have a name');
    const spec = signature.inputs.find(({ name }) => name === item.name);
    if (spec === undefined) {
      const names = signature.inputs.map(({ name }) => quote(name)).join(', ');
      throw invalid(`the model's inputs are ${names}, got ${quote(item.name)}`);
    }
    if (given.has(spec.name)) throw invalid(`input ${quote(spec.name)} must be given once`);
    const shape = readShape(item, spec);
    const size = parametersOf(item).binary_data_size;
    if (size === undefined) {
      given.set(spec.name, readJsonTensor(item.data, shape, spec));
      continue;
    }
    const end = at + readSize(size, spec);
    if (end > binary.length) {
      throw invalid(
        `the data of input ${quote(spec.name)} must lie in the body, whose binary part has ${binary.length} bytes, got an end at ${end}`,
      );
    }
    given.set(
      spec.name,
      named(spec, () => readBinaryTensor(spec.dtype, shape, elementCount(shape), binary.subarray(at, end))),
    );
    at = end;
  }
  if (at !== binary.length)
    throw invalid(`the binary part must be ${at} bytes as the inputs say, got ${binary.length}`);
  return given;
}

function readShape(item: Readonly<Record<string, unknown>>, spec: InputSpec): number[] {
  const { shape, datatype } = item;
  const wanted = DATATYPE_OF[spec.dtype];
  if (datatype !== wanted) throw invalid(`input ${quote(spec.name)} is of datatype ${wanted}, got ${quote(datatype)}`);
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalid(`the shape of input ${quote(spec.name)} must be a list of whole numbers from 0, got ${quote(shape)}`);
  }
  const fits =
    spec.shape === undefined ||
    (shape.length === spec.shape.length &&
      spec.shape.every((size, i) => typeof size !== 'number' || size === shape[i]));
  if (!fits) throw invalid(`input ${quote(spec.name)} takes shape ${showShape(spec.shape)}, got ${showShape(shape)}`);
  if (roomOf(shape) > MAX_ELEMENTS) {
    throw new BoxError(
      'too_large',
      `Cannot read request: an input has at most ${MAX_ELEMENTS} elements, got ${showShape(shape)}`,
    );
  }
  return shape;
}

function readSize(size: unknown, spec: InputSpec): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  throw invalid(`binary_data_size of input ${quote(spec.name)} must be a whole number from 0, got ${quote(size)}`);
}

/** Data as JSON has it: flat or nested, the shape says how it is meant. */
function readJsonTensor(data: unknown, shape: readonly number[], spec: InputSpec): Tensor {
  if (!Array.isArray(data)) throw invalid(`input ${quote(spec.name)} must have data, a list`);
  const flat = Array.isArray(data[0]) ? data.flat(32) : data;
  const count = elementCount(shape);
  if (flat.length !== count) {
    throw invalid(
      `input ${quote(spec.name)} of shape ${showShape(shape)} must have ${count} elements, got ${flat.length}`,
    );
  }
  const floats = spec.dtype === 'float32' ? quickFloats(flat) : undefined;
  if (floats) return { dtype: 'float32', shape, data: floats };
  return {
    dtype: spec.dtype,
    shape,
    data: named(spec, () => parseTensor(flat, { dtype: spec.dtype, maxElements: MAX_ELEMENTS })).data,
  };
}

function quickFloats(flat: readonly unknown[]): Float32Array | undefined {
  const data = new Float32Array(flat.length);
  for (let i = 0; i < flat.length; i++) {
    const item = flat[i];
    if (typeof item !== 'number') return undefined;
    data[i] = item;
  }
  return data;
}

function readOutputs(list: unknown, signature: Signature, isBinary: boolean): RequestedOutput[] {
  if (!Array.isArray(list)) throw invalid('outputs must be a list');
  return list.map((item) => {
    const name: unknown = isRecord(item) ? item.name : undefined;
    if (!signature.outputs.some((spec) => spec.name === name) || typeof name !== 'string') {
      const names = signature.outputs.map((spec) => quote(spec.name)).join(', ');
      throw invalid(`the model's outputs are ${names}, got ${quote(name)}`);
    }
    const parameters = parametersOf(item);
    return {
      name,
      isBinary: parameters.binary_data === undefined ? isBinary : readFlag(parameters, 'binary_data'),
      classes: readClasses(parameters.classification),
    };
  });
}

function readClasses(value: unknown): number {
  if (value === undefined) return 0;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid(`classification must be a whole number from 0, got ${quote(value)}`);
}

/** Triton's clients give a number or text; 0 and none at all are the same to them. */
function readSequence(value: unknown): string | undefined {
  if (value === undefined || value === 0 || value === '') return undefined;
  if (Number.isSafeInteger(value) || (typeof value === 'string' && value.length <= 256)) return String(value);
  throw invalid(`sequence_id must be a whole number or text of up to 256 characters, got ${quote(value)}`);
}

function readFlag(parameters: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = parameters[name];
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw invalid(`${name} must be true or false, got ${quote(value)}`);
}

function parametersOf(item: unknown): Readonly<Record<string, unknown>> {
  const parameters: unknown = isRecord(item) ? item.parameters : undefined;
  if (parameters === undefined || parameters === null) return {};
  if (!isRecord(parameters)) throw invalid('parameters must be an object');
  return parameters;
}

function named<T>(spec: InputSpec, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    throw new BoxError(error.code, `Cannot read input ${quote(spec.name)}: ${error.message}`, { cause: error });
  }
}

function quote(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
  return text?.slice(0, 200) ?? 'none';
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read request: ${rule}`);
}
