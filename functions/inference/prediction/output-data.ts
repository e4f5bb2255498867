import { BoxError } from '#lib/error/box-error.ts';
import { numberAt, type Tensor, toNested, toWire } from '#lib/tensor/tensor.ts';
import type { OutputSpec, OutputValue } from '../model/model.ts';
import { isTensorList } from '../model/onnx/worker-message.ts';

/** Up to this many elements a tensor is written as nested lists, which people can read; beyond it in compact form. */
const NESTED_ELEMENTS = 256;

/** An output as a message's `data` carries it. */
export function outputData(spec: OutputSpec, value: OutputValue): unknown {
  if (value === null) return null;
  if (isTensorList(value)) return value.map(tensorData);
  return spec.kind === 'class-map' ? classMaps(value, spec.labels ?? []) : tensorData(value);
}

function tensorData(tensor: Tensor): unknown {
  // JSON has no infinity: it would come out as null, which is read as NaN.
  return tensor.data.length <= NESTED_ELEMENTS && !hasInfinity(tensor) ? toNested(tensor) : toWire(tensor);
}

function hasInfinity({ data, dtype }: Tensor): boolean {
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (const number of data)
      if (number === Number.POSITIVE_INFINITY || number === Number.NEGATIVE_INFINITY) return true;
  }
  return dtype === 'float16' && data instanceof Uint16Array && data.some((bits) => (bits & 0x7fff) === 0x7c00);
}

/**
 * One map of label to number for every row, as scikit-learn's classifiers gave it to the original. Whole-number labels
 * become text, as JSON's keys are.
 */
function classMaps(tensor: Tensor, labels: readonly string[]): Record<string, number>[] {
  const rows = tensor.shape.length > 1 ? (tensor.shape[0] ?? 0) : 1;
  if (tensor.data.length !== rows * labels.length) {
    const got = `${tensor.data.length} numbers in ${rows} rows`;
    throw new BoxError('internal', `Cannot name classes: a row must have ${labels.length} numbers, got ${got}`);
  }
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(labels.map((label, i) => [label, numberAt(tensor, row * labels.length + i)])),
  );
}
