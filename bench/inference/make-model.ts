import { writeFile } from 'node:fs/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { FLOAT32 } from '../../functions/inference/model/onnx/element-type.ts';
import { body, intsAttribute, node, tensorType, valueInfo } from '../../functions/inference/model/onnx/graph-nodes.ts';
import { ModelProtoSchema, type NodeProto, TensorProtoSchema } from '../../functions/inference/model/onnx/onnx-pb.ts';

/** Models of random weights: their answers mean nothing, their work is that of real ones. */
export interface BenchModel {
  readonly name: string;
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

/** A classifier of 28 by 28 pixels with two hidden layers of 1,024: 7.4 MB. */
export async function writeClassifier(path: string): Promise<BenchModel> {
  const parts: Parts = { nodes: [], weights: [] };
  dense(parts, 'x', 'h1', 784, 1024, 'Relu');
  dense(parts, 'h1', 'h2', 1024, 1024, 'Relu');
  dense(parts, 'h2', 'y', 1024, 10, 'Softmax');
  await write(path, parts, ['batch', 784]);
  return { name: 'classifier', shape: [1, 784] };
}

/** Convolutions over a picture of 3 by 224 by 224, some 350 million multiplications, as squeezenet 1.1 has. */
export async function writePicture(path: string): Promise<BenchModel> {
  const parts: Parts = { nodes: [], weights: [] };
  let from = 'x';
  let channels = 3;
  [48, 64, 96, 128, 192].forEach((next, i) => {
    const to = `c${i}`;
    weight(parts, `${to}w`, [next, channels, 3, 3]);
    parts.nodes.push(
      node(
        'Conv',
        [from, `${to}w`],
        [`${to}a`],
        [intsAttribute('strides', [2, 2]), intsAttribute('pads', [1, 1, 1, 1])],
      ),
      node('Relu', [`${to}a`], [to]),
    );
    from = to;
    channels = next;
  });
  parts.nodes.push(node('GlobalAveragePool', [from], ['pooled']), node('Flatten', ['pooled'], ['flat']));
  dense(parts, 'flat', 'y', channels, 1000, 'Softmax');
  await write(path, parts, ['batch', 3, 224, 224]);
  return { name: 'picture', shape: [1, 3, 224, 224] };
}

function dense(parts: Parts, from: string, to: string, inputs: number, outputs: number, activation: string): void {
  weight(parts, `${to}w`, [inputs, outputs]);
  parts.nodes.push(node('MatMul', [from, `${to}w`], [`${to}s`]), node(activation, [`${to}s`], [to]));
}

function weight({ weights }: Parts, name: string, dims: readonly number[]): void {
  const count = dims.reduce((product, size) => product * size, 1);
  let state = 1;
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
