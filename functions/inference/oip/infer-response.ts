import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionResponse } from '#lib/function/route.ts';
import { isStrings, type Tensor, toNested } from '#lib/tensor/tensor.ts';
import type { OutputSpec, OutputValue, Signature } from '../model/model.ts';
import { isTensorList } from '../model/onnx/worker-message.ts';
import { writeBinaryTensor } from './binary-tensor.ts';
import { classificationTensor } from './classification.ts';
import { DATATYPE_OF } from './datatype.ts';
import type { InferRequest, RequestedOutput } from './infer-request.ts';

export interface InferAnswer {
  readonly name: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly signature: Signature;
  readonly outputs: readonly OutputValue[];
}

const JSON_HEADERS = { 'content-type': 'application/json' };

/** The answer to an inference request: JSON, followed by the raw bytes of the outputs that were wanted in binary. */
export function writeInferResponse(request: InferRequest, answer: InferAnswer): FunctionResponse {
  const wanted: readonly RequestedOutput[] =
    request.outputs.length > 0
      ? request.outputs
      : answer.signature.outputs.map(({ name }) => ({ name, isBinary: request.isBinary, classes: 0 }));
  const binary: Buffer[] = [];
  const outputs = wanted.map((output) => writeOutput(output, answer, binary));
  const id = request.id === undefined ? '' : `"id":${JSON.stringify(request.id)},`;
  const names = `"model_name":${JSON.stringify(answer.name)},"model_version":${JSON.stringify(answer.version)}`;
  const json = `{${id}${names},"outputs":[${outputs.join(',')}]}`;
  if (binary.length === 0) return { status: 200, headers: JSON_HEADERS, body: json };
  const head = Buffer.from(json);
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) },
    body: Buffer.concat([head, ...binary]),
  };
}

function writeOutput({ name, isBinary, classes }: RequestedOutput, answer: InferAnswer, binary: Buffer[]): string {
  const place = answer.signature.outputs.findIndex((spec) => spec.name === name);
  const spec = answer.signature.outputs[place];
  if (spec === undefined)
    throw new BoxError('internal', `Cannot write output ${name}: the model has none of that name`);
  const plain = oneTensor(spec, answer.outputs[place] ?? null);
  const labels = answer.labels.length > 0 ? answer.labels : (spec.labels ?? []);
  const tensor = classes > 0 ? classificationTensor(plain, classes, labels) : plain;
  const head = `{"name":${JSON.stringify(name)},"datatype":"${DATATYPE_OF[tensor.dtype]}","shape":[${tensor.shape.join(',')}]`;
  if (!isBinary) return `${head},"data":${jsonData(tensor)}}`;
  const bytes = writeBinaryTensor(tensor);
  binary.push(bytes);
  return `${head},"parameters":{"binary_data_size":${bytes.length}}}`;
}

/** The protocol knows tensors alone: a list of equal ones is one tensor more deep, a missing one is empty. */
function oneTensor(spec: OutputSpec, value: OutputValue): Tensor {
  if (value === null) return { dtype: spec.dtype, shape: [0], data: [] as readonly string[] };
  if (!isTensorList(value)) return value;
  const [first] = value;
  const same = value.every(({ shape }) => shape.join() === first?.shape.join());
  if (!same) {
    const rule = 'a list of tensors must have equal shapes to be sent by this protocol';
    throw new BoxError('unprocessable', `Cannot send output ${JSON.stringify(spec.name)}: ${rule}`);
  }
  const data = value.flatMap((tensor) => Array.from(tensor.data as ArrayLike<string>));
  const shape = [value.length, ...(first?.shape ?? [])];
  return { dtype: spec.dtype, shape, data: isStrings(first?.data ?? []) ? data : typed(first as Tensor, data) };
}

function typed(like: Tensor, data: readonly unknown[]): Tensor['data'] {
  const Same = like.data.constructor as unknown as new (list: readonly unknown[]) => Tensor['data'];
  return new Same(data);
}

/** The elements in a row, as JSON; 64-bit numbers with all their digits, which a number of JavaScript would lose. */
function jsonData(tensor: Tensor): string {
  const { data, dtype } = tensor;
  if (dtype === 'int64' || dtype === 'uint64') return `[${data.join(',')}]`;
  return JSON.stringify(toNested({ ...tensor, shape: [data.length] }));
}
