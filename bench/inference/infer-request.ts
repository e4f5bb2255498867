import { rawRequest } from '../load/raw-request.ts';
import type { BenchModel } from './make-model.ts';

export type Format = 'JSON' | 'binary';

/** The whole of an inference request as it goes over the wire. */
export function inferRequest(url: string, { shape }: BenchModel, format: Format, key: string): Buffer {
  const { headers, body } = format === 'JSON' ? jsonBody(shape) : binaryBody(shape);
  return rawRequest({ method: 'POST', url, key, headers }, body);
}

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Numbers with the digits that real ones have: a short one is read in less time. */
function values(shape: readonly number[]): Float32Array {
  const size = shape.reduce((product, n) => product * n, 1);
  return Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 10_007) / 10_007);
}

function jsonBody(shape: readonly number[]): Body {
  const data = Array.from(values(shape), (value) => Number(value.toPrecision(7)));
  const body = Buffer.from(JSON.stringify({ inputs: [{ name: 'x', shape, datatype: 'FP32', data }] }));
  return { headers: { 'Content-Type': 'application/json' }, body };
}

function binaryBody(shape: readonly number[]): Body {
  const bytes = Buffer.from(values(shape).buffer);
  const input = { name: 'x', shape, datatype: 'FP32', parameters: { binary_data_size: bytes.length } };
  const head = Buffer.from(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  return {
    headers: { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(head.length) },
    body: Buffer.concat([head, bytes]),
  };
}
