import { create, toBinary } from '@bufbuild/protobuf';
import type { Dimension } from '../model.ts';
import { INT64 } from './element-type.ts';
import {
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type TypeProto,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx-pb.ts';

/** Pieces of a graph, in the format's own encoding. */

/** A node of the standard operators. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Uint8Array[] = [],
): NodeProto {
  return create(NodeProtoSchema, {
    opType: operator,
    input: [...inputs],
    output: [...outputs],
    name: `thebox/${operator}/${outputs[0]}`,
    attribute: [...attributes],
  });
}

/** The numbers of the attribute types that we write. */
const ATTRIBUTE_TYPE = { int: 2, tensor: 4, graph: 5, ints: 7 } as const;

/** A whole number as an attribute. */
export function intAttribute(name: string, value: number): Uint8Array {
  return attribute({ name, i: BigInt(value), type: ATTRIBUTE_TYPE.int });
}

/** A list of whole numbers as an attribute. */
export function intsAttribute(name: string, values: readonly number[]): Uint8Array {
  return attribute({ name, ints: values.map(BigInt), type: ATTRIBUTE_TYPE.ints });
}

/** A graph as an attribute, as Loop and If take their bodies. */
export function graphAttribute(name: string, g: GraphProto): Uint8Array {
  return attribute({ name, g, type: ATTRIBUTE_TYPE.graph });
}

function attribute(init: {
  name: string;
  type: number;
  i?: bigint;
  ints?: bigint[];
  g?: GraphProto;
  t?: ReturnType<typeof emptyTensor>;
}): Uint8Array {
  return toBinary(AttributeProtoSchema, create(AttributeProtoSchema, init));
}

/** A Constant node that yields a tensor without elements. */
export function emptyConstant(name: string, elementType: number): NodeProto {
  const value = attribute({ name: 'value', t: emptyTensor(elementType), type: ATTRIBUTE_TYPE.tensor });
  return node('Constant', [], [name], [value]);
}

function emptyTensor(elementType: number) {
  return create(TensorProtoSchema, { dims: [0n], dataType: elementType });
}

/** A Constant node that yields a list of int64. */
export function intsConstant(name: string, values: readonly number[]): NodeProto {
  const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  const t = create(TensorProtoSchema, { dims: [BigInt(values.length)], dataType: INT64, rawData: bytes });
  return node('Constant', [], [name], [attribute({ name: 'value', t, type: ATTRIBUTE_TYPE.tensor })]);
}

/** The type of a tensor; without a shape when that is open. */
export function tensorType(elementType: number, shape?: readonly Dimension[]): TypeProto {
  return create(TypeProtoSchema, {
    value: {
      case: 'tensorType',
      value: { elemType: elementType, ...(shape && { shape: { dim: shape.map(dimension) } }) },
    },
  });
}

function dimension(size: Dimension): TensorShapeProto_Dimension {
  if (size === null) return create(TensorShapeProto_DimensionSchema, {});
  return create(TensorShapeProto_DimensionSchema, {
    value: typeof size === 'number' ? { case: 'dimValue', value: BigInt(size) } : { case: 'dimParam', value: size },
  });
}

/** A named value and its type. */
export function valueInfo(name: string, type: TypeProto): ValueInfoProto {
  return create(ValueInfoProtoSchema, { name, type });
}

/** A graph that is the body of a Loop or an If. */
export function body(
  name: string,
  inputs: readonly ValueInfoProto[],
  nodes: readonly NodeProto[],
  outputs: readonly ValueInfoProto[],
): GraphProto {
  return create(GraphProtoSchema, { name, input: [...inputs], node: [...nodes], output: [...outputs] });
}
