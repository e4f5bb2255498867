import { BoxError, type Problem } from '#lib/error/box-error.ts';
import type { ModelDescriptor } from '#lib/scenario/scenario.ts';
import type { Dtype } from '#lib/tensor/dtype.ts';
import type { InputSpec, OutputSpec } from '../model/model.ts';

/** What a built-in model may be told under `model_options`. */
export interface BuiltinOptions {
  /** `threshold`: numbers below are labelled. */
  readonly low: number;
  /** `threshold`: numbers above are labelled. */
  readonly high: number;
  /** `zscore`, `ewma`: scores further than this from 0 are labelled. */
  readonly limit: number;
  /** `zscore`, `ewma`: values of a source that are only learnt from, before it is scored. */
  readonly min_count: number;
  /** `ewma`: the weight of the newest value, above 0 and up to 1. */
  readonly alpha: number;
}

const DEFAULTS: BuiltinOptions = {
  low: Number.NEGATIVE_INFINITY,
  high: Number.POSITIVE_INFINITY,
  limit: 3,
  min_count: 10,
  alpha: 0.1,
};

/** The built-in models, the options of each and what each gives besides. `identity` gives its inputs. */
const MODELS = {
  identity: { options: [], outputs: [] },
  threshold: { options: ['low', 'high'], outputs: ['label'] },
  zscore: { options: ['limit', 'min_count'], outputs: ['score', 'label', 'mean'] },
  ewma: { options: ['limit', 'min_count', 'alpha'], outputs: ['score', 'label', 'mean'] },
} as const satisfies Record<string, { options: readonly (keyof BuiltinOptions)[]; outputs: readonly string[] }>;

export type BuiltinName = keyof typeof MODELS;

/** A built-in model as a scenario sets it up. */
export interface BuiltinModel {
  readonly name: BuiltinName;
  readonly options: BuiltinOptions;
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
}

/** How many numbers of a source the streaming models follow. */
const MAX_FOLLOWED = 1024;

/**
 * Reads a descriptor with `"model_type": "BUILTIN"`.
 *
 * @throws BoxError `unprocessable` with every problem, pointers relative to the inference stage
 */
export function readBuiltinModel(descriptor: ModelDescriptor): BuiltinModel {
  const { model_name: name } = descriptor;
  if (!isBuiltinName(name)) {
    const message = `must be one of ${Object.keys(MODELS).join(', ')} for a BUILTIN model, got ${JSON.stringify(name)}`;
    throw refusal([{ pointer: '/model_descriptor/model_name', message }]);
  }
  const { options, problems } = readOptions(descriptor.model_options ?? {}, MODELS[name].options);
  const inputs = descriptor.model_input_info.map(({ data_name, data_type, data_shape }) => ({
    name: data_name,
    dtype: name === 'identity' && data_type === 'string' ? ('string' as const) : ('float64' as const),
    shape: data_shape.map((size, i) => (typeof size === 'number' && size >= 0 && i > 0 ? size : null)),
  }));
  problems.push(...inputProblems(name, descriptor));
  const outputs = outputsOf(name, inputs);
  descriptor.model_output_info.forEach(({ data_name }, i) => {
    if (outputs.some((spec) => spec.name === data_name)) return;
    const names = outputs.map((spec) => spec.name).join(', ');
    const message = `must be one of ${names}, got ${JSON.stringify(data_name)}`;
    problems.push({ pointer: `/model_descriptor/model_output_info/${i}/data_name`, message });
  });
  if (problems.length > 0) throw refusal(problems);
  return { name, options, inputs, outputs };
}

function isBuiltinName(name: string): name is BuiltinName {
  return Object.hasOwn(MODELS, name);
}

function outputsOf(name: BuiltinName, inputs: readonly InputSpec[]): OutputSpec[] {
  if (name === 'identity') return inputs.map((spec) => ({ ...spec, kind: 'tensor' }));
  const shape = inputs[0]?.shape;
  const dtypeOf = (output: string): Dtype => (output === 'label' ? 'int64' : 'float64');
  return MODELS[name].outputs.map((output) => ({ name: output, kind: 'tensor', dtype: dtypeOf(output), shape }));
}

function inputProblems(name: BuiltinName, { model_input_info: inputs }: ModelDescriptor): Problem[] {
  const pointer = '/model_descriptor/model_input_info';
  if (name === 'identity') return inputs.length > 0 ? [] : [{ pointer, message: 'must name at least one input' }];
  if (inputs.length !== 1) return [{ pointer, message: `must name one input for ${name}, got ${inputs.length}` }];
  const count = (inputs[0]?.data_shape ?? []).reduce<number>((n, size) => n * (typeof size === 'number' ? size : 1), 1);
  if (Math.abs(count) <= MAX_FOLLOWED) return [];
  return [{ pointer: `${pointer}/0/data_shape`, message: `must be at most ${MAX_FOLLOWED} numbers, got ${count}` }];
}

function readOptions(given: Readonly<Record<string, unknown>>, allowed: readonly (keyof BuiltinOptions)[]) {
  const problems: Problem[] = [];
  const options: Record<keyof BuiltinOptions, number> = { ...DEFAULTS };
  for (const [key, value] of Object.entries(given)) {
    const pointer = `/model_descriptor/model_options/${key}`;
    const name = allowed.find((each) => each === key);
    if (name === undefined) {
      problems.push({ pointer, message: `is not known: allowed are ${allowed.join(', ') || 'none'}` });
    } else if (typeof value !== 'number' || !isSensible(name, value)) {
      problems.push({ pointer, message: `must be ${RULES[name]}, got ${JSON.stringify(value)}` });
    } else options[name] = value;
  }
  return { options, problems };
}

const RULES: Readonly<Record<keyof BuiltinOptions, string>> = {
  low: 'a number',
  high: 'a number',
  limit: 'a number above 0',
  min_count: 'a whole number from 2 to 1000000',
  alpha: 'a number above 0 and up to 1',
};

function isSensible(name: keyof BuiltinOptions, value: number): boolean {
  if (name === 'limit') return value > 0;
  if (name === 'min_count') return Number.isInteger(value) && value >= 2 && value <= 1_000_000;
  return name === 'alpha' ? value > 0 && value <= 1 : Number.isFinite(value);
}

function refusal(problems: readonly Problem[]): BoxError {
  const [first] = problems;
  return new BoxError('unprocessable', `Cannot accept model: ${first?.pointer} ${first?.message}`, { problems });
}
