import { writeFile } from 'node:fs/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { FLOAT32 } from '../../functions/inference/model/onnx/element-type.ts';
import {
  body,
  intAttribute,
  intsAttribute,
  node,
  tensorType,
  valueInfo,
} from '../../functions/inference/model/onnx/graph-nodes.ts';
import { ModelProtoSchema, type NodeProto, TensorProtoSchema } from '../../functions/inference/model/onnx/onnx-pb.ts';

/** Models of random weights: their answers mean nothing, their work is that of real ones. */
export interface BenchModel {
  readonly name: string;
  /** Of their one input, `x`, for one row. */
  readonly shape: readonly number[];
}

interface Parts {
  readonly nodes: NodeProto[];
  readonly weights: Uint8Array[];
}

/** Three numbers to one: 200 bytes. */
export async function writeTiny(path: string): Promise<BenchModel> {
  const parts: Parts = { nodes: [], weights: [] };
  dense(parts, 'x', 'y', 3, 1, 'Sigmoid');
  await write(path, parts, ['batch', 3]);
  return { name: 'tiny', shape: [1, 3] };
}

/** A classifier of 28 by 28 pixels with two hidden layers, of 1,024 unless told otherwise: 7.4 MB then. */
export async function writeClassifier(path: string, { seed = 1, hidden = 1024 } = {}): Promise<BenchModel> {
  const parts: Parts = { nodes: [], weights: [] };
  dense(parts, 'x', 'h1', 784, hidden, 'Relu', seed);
  dense(parts, 'h1', 'h2', hidden, hidden, 'Relu', seed);
  dense(parts, 'h2', 'y', hidden, 10, 'Softmax', seed);
  await write(path, parts, ['batch', 784]);
  return { name: 'classifier', shape: [1, 784] };
}

/** The layers of SqueezeNet 1.1 over a picture of 3 by 224 by 224: 350 million multiplications, 5 MB. */
export async function writeSqueezenet(path: string): Promise<BenchModel> {
  const parts: Parts = { nodes: [], weights: [] };
  const fire = (from: string, to: string, inputs: number, squeezed: number, each: number) => {
    convolution(parts, from, `${to}s`, [squeezed, inputs, 1, 1]);
    convolution(parts, `${to}s`, `${to}a`, [each, squeezed, 1, 1]);
    convolution(parts, `${to}s`, `${to}b`, [each, squeezed, 3, 3], 1, 1);
    parts.nodes.push(node('Concat', [`${to}a`, `${to}b`], [to], [intAttribute('axis', 1)]));
  };
  convolution(parts, 'x', 'c1', [64, 3, 3, 3], 2);
  halve(parts, 'c1', 'p1');
  fire('p1', 'f1', 64, 16, 64);
  fire('f1', 'f2', 128, 16, 64);
  halve(parts, 'f2', 'p2');
  fire('p2', 'f3', 128, 32, 128);
  fire('f3', 'f4', 256, 32, 128);
  halve(parts, 'f4', 'p3');
  fire('p3', 'f5', 256, 48, 192);
  fire('f5', 'f6', 384, 48, 192);
  fire('f6', 'f7', 384, 64, 256);
  fire('f7', 'f8', 512, 64, 256);
  convolution(parts, 'f8', 'c2', [1000, 512, 1, 1]);
  parts.nodes.push(node('GlobalAveragePool', ['c2'], ['pooled']), node('Flatten', ['pooled'], ['y']));
  await write(path, parts, ['batch', 3, 224, 224]);
  return { name: 'squeezenet', shape: [1, 3, 224, 224] };
}

function convolution(parts: Parts, from: string, to: string, dims: readonly number[], stride = 1, pad = 0): void {
  weight(parts, `${to}w`, dims);
  parts.nodes.push(
    node(
      'Conv',
      [from, `${to}w`],
      [`${to}x`],
      [intsAttribute('strides', [stride, stride]), intsAttribute('pads', [pad, pad, pad, pad])],
    ),
    node('Relu', [`${to}x`], [to]),
  );
}

function halve({ nodes }: Parts, from: string, to: string): void {
  nodes.push(node('MaxPool', [from], [to], [intsAttribute('kernel_shape', [3, 3]), intsAttribute('strides', [2, 2])]));
}

function dense(
  parts: Parts,
  from: string,
  to: string,
  inputs: number,
  outputs: number,
  activation: string,
  seed = 1,
): void {
  weight(parts, `${to}w`, [inputs, outputs], seed);
  parts.nodes.push(node('MatMul', [from, `${to}w`], [`${to}s`]), node(activation, [`${to}s`], [to]));
}

function weight({ weights }: Parts, name: string, dims: readonly number[], seed = 1): void {
  const count = dims.reduce((product, size) => product * size, 1);
  let state = seed;
  const data = Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state / 0x7fffffff - 0.5) / 16;
  });
  const rawData = new Uint8Array(data.buffer);
  const tensor = create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: FLOAT32, rawData });
  weights.push(toBinary(TensorProtoSchema, tensor));
}

async function write(path: string, { nodes, weights }: Parts, shape: readonly (number | string)[]): Promise<void> {
  const graph = body('bench', [valueInfo('x', tensorType(FLOAT32, shape))], nodes, [
    valueInfo('y', tensorType(FLOAT32)),
  ]);
  graph.initializer = weights;
  const model = create(ModelProtoSchema, { irVersion: 8n, graph, opsetImport: [{ domain: '', version: 13n }] });
  await writeFile(path, toBinary(ModelProtoSchema, model));
}
