import type { Problem } from '#lib/error/box-error.ts';
import type { ModelDescriptor, ModelIo } from '#lib/scenario/scenario.ts';
import { type Dtype, isDtype } from '#lib/tensor/dtype.ts';
import { type Dimension, type InputSpec, type OutputSpec, type Signature, showShape } from '../model/model.ts';
import { nearestNames } from './nearest-names.ts';

/** What a descriptor says of a model and the model does not bear out; pointers are relative to the inference stage. */
export interface Comparison {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/**
 * Holds a descriptor against the model. Names must be the model's; an input's shape and dtype must fit. What else differs
 * is only told: the original never looked at it, and the model's own counts.
 *
 * @param outputShapes the outputs' shapes as a dry run gave them, by place
 */
export function compareDescriptor(
  descriptor: ModelDescriptor,
  signature: Signature,
  outputShapes: readonly (readonly number[] | undefined)[],
): Comparison {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  descriptor.model_input_info.forEach((declared, i) => {
    compareInput(declared, `/model_descriptor/model_input_info/${i}`, signature.inputs, problems, warnings);
  });
  for (const { name } of signature.inputs) {
    if (descriptor.model_input_info.some(({ data_name }) => data_name === name)) continue;
    const message = `must declare every input of the model, ${JSON.stringify(name)} is missing`;
    problems.push({ pointer: '/model_descriptor/model_input_info', message });
  }
  descriptor.model_output_info.forEach((declared, i) => {
    const pointer = `/model_descriptor/model_output_info/${i}`;
    const place = signature.outputs.findIndex(({ name }) => name === declared.data_name);
    const spec = signature.outputs[place];
    if (spec === undefined) problems.push(unknownName(declared, pointer, 'output', signature.outputs));
    else compareOutput(declared, pointer, spec, outputShapes[place], warnings);
  });
  warnings.push(...labelWarnings(descriptor, signature, outputShapes));
  return { problems, warnings };
}

function compareInput(
  declared: ModelIo,
  pointer: string,
  inputs: readonly InputSpec[],
  problems: Problem[],
  warnings: Problem[],
): void {
  const spec = inputs.find(({ name }) => name === declared.data_name);
  if (spec === undefined) {
    problems.push(unknownName(declared, pointer, 'input', inputs));
    return;
  }
  if (!shapeCanFit(declared.data_shape, spec.shape)) {
    const message = `must fit the model's input ${JSON.stringify(spec.name)}, which takes ${showShape(spec.shape)}, with or without the first dimension, got ${showShape(declared.data_shape)}`;
    problems.push({ pointer: `${pointer}/data_shape`, message });
  }
  const fit = dtypeFit(declared.data_type, spec.dtype);
  const message = `the model takes ${spec.dtype}, got ${JSON.stringify(declared.data_type)}`;
  if (fit === 'no') problems.push({ pointer: `${pointer}/data_type`, message: `must fit: ${message}` });
  if (fit === 'converted') {
    warnings.push({ pointer: `${pointer}/data_type`, message: `${message}: values are read as ${spec.dtype}` });
  }
}

/** Whether data of the declared shape can be given to the input: a dimension left open on either side fits any. */
function shapeCanFit(declared: readonly Dimension[], wanted: readonly Dimension[] | undefined): boolean {
  if (wanted === undefined) return true;
  const fits = (shape: readonly Dimension[]) =>
    shape.length === wanted.length && shape.every((size, i) => isOpen(size) || isOpen(wanted[i]) || size === wanted[i]);
  const bare = (shape: readonly Dimension[]) => shape.filter((size) => size !== 1 && !isOpen(size)).join();
  return (
    fits(declared) ||
    fits([null, ...declared]) ||
    (declared.length !== wanted.length && bare(declared) === bare(wanted))
  );
}

function isOpen(size: Dimension | undefined): boolean {
  return typeof size !== 'number' || size < 0;
}

/**
 * `float32` is what the original's files say of every input, whatever the model takes, so it is never refused; any
 * number converts to any other. Text and numbers do not convert.
 */
function dtypeFit(declared: string, wanted: Dtype): 'same' | 'converted' | 'no' {
  const name = plainDtype(declared);
  if (name === wanted) return 'same';
  if (name === 'float32') return 'converted';
  if (name === undefined || name === 'string' || wanted === 'string') return 'no';
  return 'converted';
}

/** A dtype by the names that scenario files use for it. */
function plainDtype(declared: string): Dtype | undefined {
  const name = declared
    .toLowerCase()
    .replace(/^(np|numpy|tf)\./, '')
    .replace(/^tensor\((.*)\)$/, '$1');
  const other: Readonly<Record<string, Dtype>> = {
    float: 'float32',
    double: 'float64',
    half: 'float16',
    int: 'int64',
    long: 'int64',
    boolean: 'bool',
    bool_: 'bool',
    str: 'string',
    object: 'string',
    text: 'string',
  };
  return isDtype(name) ? name : other[name];
}

function compareOutput(
  declared: ModelIo,
  pointer: string,
  spec: OutputSpec,
  outputShape: readonly number[] | undefined,
  warnings: Problem[],
): void {
  const what = `the model's output ${JSON.stringify(spec.name)}`;
  if (plainDtype(declared.data_type) !== spec.dtype) {
    const message = `${what} is ${spec.dtype}, got ${JSON.stringify(declared.data_type)}: the model's own counts`;
    warnings.push({ pointer: `${pointer}/data_type`, message });
  }
  if (spec.kind === 'class-map') {
    const message = `${what} is a map of class to probability for every row, which the shape does not say`;
    if (declared.data_shape.length > 0) warnings.push({ pointer: `${pointer}/data_shape`, message });
    return;
  }
  const own = outputShape ?? spec.shape;
  if (own !== undefined && !sameOutputShape(declared.data_shape, own, spec.shape)) {
    const message = `${what} is ${showShape(spec.shape ?? own)}, got ${showShape(declared.data_shape)}: the model's own counts`;
    warnings.push({ pointer: `${pointer}/data_shape`, message });
  }
}

function sameOutputShape(
  declared: readonly Dimension[],
  own: readonly Dimension[],
  spec: readonly Dimension[] | undefined,
): boolean {
  const wanted = spec?.length === own.length ? own.map((size, i) => (isOpen(spec[i]) ? null : size)) : own;
  return (
    declared.length === wanted.length &&
    declared.every((size, i) => isOpen(size) || isOpen(wanted[i]) || size === wanted[i])
  );
}

function labelWarnings(
  { model_class_labels: labels }: ModelDescriptor,
  { outputs }: Signature,
  outputShapes: readonly (readonly number[] | undefined)[],
): Problem[] {
  if (labels === undefined || labels.length === 0) return [];
  const widths = outputs.flatMap(({ kind, labels: own, dtype, shape }, i) => {
    if (kind === 'class-map') return [own?.length ?? 0];
    const last = outputShapes[i]?.at(-1) ?? shape?.at(-1);
    return dtype.startsWith('float') && typeof last === 'number' ? [last] : [];
  });
  if (widths.length === 0 || widths.includes(labels.length) || (labels.length === 2 && widths.includes(1))) return [];
  const message = `${labels.length} labels are given, but the model's outputs have ${widths.join(', ')} scores: no label is given to them`;
  return [{ pointer: '/model_descriptor/model_class_labels', message }];
}

function unknownName(
  declared: ModelIo,
  pointer: string,
  kind: string,
  specs: readonly { readonly name: string }[],
): Problem {
  const nearest = nearestNames(
    declared.data_name,
    specs.map(({ name }) => name),
  ).map((name) => JSON.stringify(name));
  const message = `must be the name of an ${kind} of the model (nearest: ${nearest.join(', ') || 'it has none'}), got ${JSON.stringify(declared.data_name)}`;
  return { pointer: `${pointer}/data_name`, message };
}
