import { fromBinary } from '@bufbuild/protobuf';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Dimension } from '../model.ts';
import { describeForeignFile } from './foreign-file.ts';
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProtoSchema,
  type TypeProto,
} from './onnx-pb.ts';

/** An ONNX file that was read; large tensors and attributes are views of the file's bytes. */
export interface OnnxFile {
  readonly model: ModelProto;
  readonly graph: GraphProto;
}

/**
 * Reads an ONNX file's structure.
 *
 * @throws BoxError `unprocessable` for anything else, naming what it looks like.
 */
export function readOnnx(bytes: Uint8Array): OnnxFile {
  const foreign = describeForeignFile(bytes);
  if (foreign !== undefined) throw notOnnx(`it looks like ${foreign}`);
  const model = decode(bytes);
  const { graph } = model;
  if (graph === undefined || model.opsetImport.length === 0 || graph.output.length === 0) {
    throw notOnnx('it has no graph with outputs');
  }
  return { model, graph };
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw notOnnx(`it is cut short or damaged (${errorText(cause)})`, cause);
  }
}

function notOnnx(what: string, cause?: unknown): BoxError {
  return new BoxError('unprocessable', `Cannot read model: it must be an ONNX file, ${what}`, { cause });
}

/** The attributes of a node, by name. */
export function attributesOf(node: NodeProto): ReadonlyMap<string, AttributeProto> {
  const attributes = node.attribute.map((bytes) => fromBinary(AttributeProtoSchema, bytes));
  return new Map(attributes.map((attribute) => [attribute.name, attribute]));
}

/** The shape that a type declares; undefined when it leaves the number of dimensions open. */
export function shapeOf(type: TypeProto | undefined): readonly Dimension[] | undefined {
  if (type?.value.case !== 'tensorType') return undefined;
  return type.value.value.shape?.dim.map(({ value }) => {
    if (value.case === 'dimValue') return Number(value.value);
    return value.case === 'dimParam' && value.value !== '' ? value.value : null;
  });
}

/** The files beside the model that hold its tensors, as the model names them, without repeats. */
export function externalFiles({ graph }: OnnxFile): readonly string[] {
  const names = new Set<string>();
  for (const bytes of graph.initializer) {
    const tensor = fromBinary(TensorProtoSchema, bytes);
    if (tensor.dataLocation !== 1) continue;
    const location = tensor.externalData.find(({ key }) => key === 'location')?.value;
    if (location) names.add(location);
  }
  return [...names];
}
