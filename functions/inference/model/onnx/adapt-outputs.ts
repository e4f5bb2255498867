import { create } from '@bufbuild/protobuf';
import { BoxError } from '#lib/error/box-error.ts';
import type { Dtype } from '#lib/tensor/dtype.ts';
import type { OutputSpec } from '../model.ts';
import { dtypeOf, elementTypeName, elementTypeOf, FLOAT32, INT64, widenedDtype } from './element-type.ts';
import {
  body,
  emptyConstant,
  graphAttribute,
  intAttribute,
  intsConstant,
  node,
  tensorType,
  valueInfo,
} from './graph-nodes.ts';
import { attributesOf, type OnnxFile, shapeOf } from './onnx-file.ts';
import {
  type GraphProto,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type TypeProto,
  type ValueInfoProto,
} from './onnx-pb.ts';

/** How the value of one output of the model is put together from tensors of the session. */
export interface OutputPlan {
  readonly name: string;
  readonly kind: OutputSpec['kind'];
  readonly labels?: readonly string[];
  /** The element type, where the session cannot tell it. */
  readonly dtype: Dtype | undefined;
  /** Whether the file says how many dimensions the output has. */
  readonly hasShape: boolean;
  /** The session's outputs to fetch: the tensor; of a sequence its elements, shapes and ranks; of an optional whether it is there, and its tensor. */
  readonly fetch: readonly string[];
}

export interface AdaptedOutputs {
  readonly plans: readonly OutputPlan[];
  /** Whether the graph was changed, so that the file as it is will not do. */
  readonly changed: boolean;
}

/**
 * Makes every output of the graph a tensor, because onnxruntime-node returns nothing else ("Non tensor type is
 * temporarily not supported"). Changes the graph in place where there is need.
 *
 * @throws BoxError `unprocessable` for an output that cannot be made tensors.
 */
export function adaptOutputs(file: OnnxFile): AdaptedOutputs {
  const { graph } = file;
  const outputs: ValueInfoProto[] = [];
  const plans = graph.output.map((output) => {
    const { plan, replaced } = adaptOutput(graph, output);
    outputs.push(...(replaced ?? [output]));
    return { plan, replaced };
  });
  const changed = plans.some(({ replaced }) => replaced !== undefined);
  if (changed) {
    graph.output = outputs;
    importStandardOperators(file);
  }
  return { plans: plans.map(({ plan }) => plan), changed };
}

/** Any version does where the model itself uses none of the standard operators; ours are in all since this one. */
const STANDARD_VERSION = 13n;

/** A tree and a ZipMap need the machine learning operators alone: such a file does not import the standard ones. */
function importStandardOperators({ model }: OnnxFile): void {
  if (model.opsetImport.some(({ domain }) => domain === '' || domain === 'ai.onnx')) return;
  model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: '', version: STANDARD_VERSION }));
}

interface Adapted {
  readonly plan: OutputPlan;
  readonly replaced?: readonly ValueInfoProto[];
}

function adaptOutput(graph: GraphProto, output: ValueInfoProto): Adapted {
  const type = output.type?.value;
  switch (type?.case) {
    case undefined:
      return { plan: tensorPlan(output, undefined) };
    case 'tensorType': {
      const dtype = dtypeOf(type.value.elemType);
      return dtype === undefined ? widen(graph, output, type.value.elemType) : { plan: tensorPlan(output, dtype) };
    }
    case 'sequenceType':
      if (type.value.elemType?.value.case === 'mapType') return unzip(graph, output);
      return unroll(graph, output, tensorElement(output, type.value.elemType));
    case 'optionalType':
      return unwrap(graph, output, tensorElement(output, type.value.elemType));
    default:
      throw unsupported(output, `a ${type?.case.replace('Type', '')}`);
  }
}

function tensorPlan(output: ValueInfoProto, dtype: Dtype | undefined): OutputPlan {
  const hasShape = shapeOf(output.type) !== undefined;
  return { name: output.name, kind: 'tensor', dtype, hasShape, fetch: [output.name] };
}

/** An element type that JavaScript has no array for (bfloat16, 4 and 8 bit) is cast to one that holds all its values. */
function widen(graph: GraphProto, output: ValueInfoProto, elementType: number): Adapted {
  const dtype = widenedDtype(elementType);
  if (dtype === undefined) throw unsupported(output, `a tensor of ${elementTypeName(elementType)}`);
  const name = `${output.name}:widened`;
  graph.node.push(node('Cast', [output.name], [name], [intAttribute('to', elementTypeOf(dtype))]));
  const type = tensorType(elementTypeOf(dtype), shapeOf(output.type));
  return { plan: { ...tensorPlan(output, dtype), fetch: [name] }, replaced: [valueInfo(name, type)] };
}

/** ZipMap, which makes a map of every row, becomes Identity; the labels of the map are kept. */
function unzip(graph: GraphProto, output: ValueInfoProto): Adapted {
  const zipMap = producerOf(graph, output.name);
  if (zipMap?.opType !== 'ZipMap') throw unsupported(output, 'a sequence of maps that no ZipMap made');
  const labels = zipMapLabels(zipMap);
  zipMap.opType = 'Identity';
  zipMap.domain = '';
  zipMap.attribute = [];
  const plan: OutputPlan = {
    name: output.name,
    kind: 'class-map',
    labels,
    dtype: 'float32',
    hasShape: false,
    fetch: [output.name],
  };
  return { plan, replaced: [valueInfo(output.name, tensorType(FLOAT32))] };
}

/** The node that makes a value, looking through copies. */
function producerOf(graph: GraphProto, name: string): NodeProto | undefined {
  const producer = graph.node.find(({ output }) => output.includes(name));
  const copied = producer?.opType === 'Identity' ? producer.input[0] : undefined;
  return copied === undefined ? producer : producerOf(graph, copied);
}

function zipMapLabels(zipMap: NodeProto): string[] {
  const attributes = attributesOf(zipMap);
  const names = attributes.get('classlabels_strings')?.strings ?? [];
  if (names.length > 0) return names.map((bytes) => Buffer.from(bytes).toString('utf8'));
  return (attributes.get('classlabels_int64s')?.ints ?? []).map(String);
}

/**
 * A sequence of tensors becomes three: all elements in a row, all sizes in a row, and the number of sizes of each. A
 * Loop gathers them, since the items may differ in shape and no operator joins such.
 */
function unroll(graph: GraphProto, output: ValueInfoProto, elementType: number): Adapted {
  const own = (part: string) => `${output.name}:${part}`;
  const inner = (part: string) => `${output.name}:item:${part}`;
  const state = ['flat', 'shapes', 'ranks'] as const;
  const typeOf = (part: string) => tensorType(part === 'flat' ? elementType : INT64, [null]);
  const axis0 = [intAttribute('axis', 0)];
  const gather = body(
    own('gather'),
    [
      valueInfo(inner('index'), tensorType(INT64, [])),
      valueInfo(inner('go'), tensorType(elementTypeOf('bool'), [])),
      ...state.map((part) => valueInfo(inner(`${part}-in`), typeOf(part))),
    ],
    [
      node('SequenceAt', [output.name, inner('index')], [inner('value')]),
      intsConstant(inner('flatten'), [-1]),
      node('Reshape', [inner('value'), inner('flatten')], [inner('flat')]),
      node('Shape', [inner('value')], [inner('shapes')]),
      node('Shape', [inner('shapes')], [inner('ranks')]),
      ...state.map((part) => node('Concat', [inner(`${part}-in`), inner(part)], [inner(`${part}-out`)], axis0)),
      node('Identity', [inner('go')], [inner('go-on')]),
    ],
    [
      valueInfo(inner('go-on'), tensorType(elementTypeOf('bool'), [])),
      ...state.map((part) => valueInfo(inner(`${part}-out`), typeOf(part))),
    ],
  );
  graph.node.push(
    node('SequenceLength', [output.name], [own('length')]),
    ...state.map((part) => emptyConstant(own(`no-${part}`), part === 'flat' ? elementType : INT64)),
    node('Loop', [own('length'), '', ...state.map((part) => own(`no-${part}`))], state.map(own), [
      graphAttribute('body', gather),
    ]),
  );
  const plan: OutputPlan = {
    name: output.name,
    kind: 'sequence',
    dtype: dtypeOf(elementType),
    hasShape: false,
    fetch: state.map(own),
  };
  return { plan, replaced: state.map((part) => valueInfo(own(part), typeOf(part))) };
}

/** An optional tensor becomes two: whether it is there, and what it is, an empty one if it is not. */
function unwrap(graph: GraphProto, output: ValueInfoProto, elementType: number): Adapted {
  const present = `${output.name}:present`;
  const value = `${output.name}:value`;
  const branch = (name: string, made: NodeProto) =>
    body(name, [], [made], [valueInfo(made.output[0] ?? '', tensorType(elementType))]);
  const taken = branch(`${value}:then`, node('OptionalGetElement', [output.name], [`${value}:then`]));
  const empty = branch(`${value}:else`, emptyConstant(`${value}:else`, elementType));
  graph.node.push(
    node('OptionalHasElement', [output.name], [present]),
    node('If', [present], [value], [graphAttribute('then_branch', taken), graphAttribute('else_branch', empty)]),
  );
  const plan: OutputPlan = {
    name: output.name,
    kind: 'optional',
    dtype: dtypeOf(elementType),
    hasShape: false,
    fetch: [present, value],
  };
  const replaced = [
    valueInfo(present, tensorType(elementTypeOf('bool'), [])),
    valueInfo(value, tensorType(elementType)),
  ];
  return { plan, replaced };
}

function tensorElement(output: ValueInfoProto, type: TypeProto | undefined): number {
  if (type?.value.case !== 'tensorType') throw unsupported(output, `a list of ${type?.value.case ?? 'unknown values'}`);
  const { elemType } = type.value.value;
  if (dtypeOf(elemType) === undefined) throw unsupported(output, `a list of ${elementTypeName(elemType)} tensors`);
  return elemType;
}

function unsupported(output: ValueInfoProto, what: string): BoxError {
  return new BoxError(
    'unprocessable',
    `Cannot run model: output ${JSON.stringify(output.name)} must be a tensor, a list of tensors, an optional tensor or a ZipMap, got ${what}`,
  );
}
