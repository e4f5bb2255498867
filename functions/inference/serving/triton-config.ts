import { BoxError, type Problem } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';
import type { LoadOptions } from '../model/loaded-model.ts';
import { readModelOptions } from './model-options.ts';

/** What a model configuration of Triton's says that means something here. */
export interface TritonConfig {
  readonly load: LoadOptions;
  /** Undefined where it names none. */
  readonly labels: readonly string[] | undefined;
  /** Names of tensors that the model must have. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

type JsonObject = Readonly<Record<string, unknown>>;
type Refuse = (pointer: string, rule: string) => void;

/** Reads a field's value; what it means goes into the options. */
type Field = (value: unknown, refuse: Refuse, options: Record<string, unknown>, name: string) => void;

/** The fields that are honoured; those of `GET …/config` are among them, so that what it says can be sent back changed. */
const FIELDS: Readonly<Record<string, Field>> = {
  name: (value, refuse, _options, name) => value === name || refuse('name', `be ${JSON.stringify(name)}`),
  platform: oneOf('platform', ['', 'onnxruntime_onnx']),
  backend: oneOf('backend', ['', 'onnxruntime']),
  default_model_filename: oneOf('default_model_filename', ['', 'model.onnx']),
  version_policy(value, refuse) {
    // Every version is served, whatever the policy; one that leaves some out would not be honoured.
    const names = isRecord(value) ? Object.keys(value) : ['?'];
    if (names.some((name) => name !== 'latest' && name !== 'all')) refuse('version_policy', 'be latest or all');
  },
  max_batch_size(value, _refuse, options) {
    options.max_batch = value === 0 ? 1 : value;
  },
  input: tensors('input'),
  output: tensors('output'),
  class_labels(value, refuse) {
    if (!isTextList(value)) refuse('class_labels', 'be a list of text');
  },
  dynamic_batching(value, refuse, options) {
    if (!isRecord(value)) return refuse('dynamic_batching', 'be an object');
    for (const key of Object.keys(value)) if (!BATCHING.has(key)) refuse(`dynamic_batching/${key}`, NOT_KNOWN);
    options.max_delay_us = numberOf(value.max_queue_delay_microseconds);
    const policy = value.default_queue_policy;
    if (isRecord(policy)) options.max_queue = numberOf(policy.max_queue_size);
  },
  optimization(value, refuse, options) {
    if (!isRecord(value)) return refuse('optimization', 'be an object');
    for (const key of Object.keys(value)) {
      if (key !== 'graph' && key !== 'execution_providers') refuse(`optimization/${key}`, NOT_KNOWN);
    }
    if (isRecord(value.graph)) options.optimization = LEVELS.get(value.graph.level) ?? value.graph.level;
    options.providers = value.execution_providers;
  },
  instance_group(value, refuse) {
    const groups = Array.isArray(value) ? value : [value];
    const fits = groups.every((group) => isRecord(group) && CPU_KINDS.has(group.kind));
    if (!fits) refuse('instance_group', 'be of KIND_CPU or KIND_AUTO');
  },
  parameters(value, refuse, options) {
    if (!isRecord(value)) return refuse('parameters', 'be an object');
    for (const [key, parameter] of Object.entries(value)) {
      const option = THREADS.get(key);
      const text = isRecord(parameter) ? parameter.string_value : undefined;
      if (option === undefined) refuse(`parameters/${key}`, NOT_KNOWN);
      else options[option] = Number(text);
    }
  },
};

const NOT_KNOWN = 'be left out: it is not known here';
const BATCHING = new Set([
  'max_queue_delay_microseconds',
  'default_queue_policy',
  'preferred_batch_size',
  'preserve_ordering',
]);
/** Triton's numbers for ONNX Runtime's levels, beside our words. */
const LEVELS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['-1', 'basic'],
  [-1, 'basic'],
  ['0', 'all'],
  [0, 'all'],
  ['1', 'extended'],
  [1, 'extended'],
]);
const CPU_KINDS = new Set<unknown>(['KIND_CPU', 'KIND_AUTO', undefined]);
const THREADS: ReadonlyMap<string, string> = new Map([
  ['intra_op_thread_count', 'intra_op_threads'],
  ['inter_op_thread_count', 'inter_op_threads'],
]);

/**
 * Reads a configuration; what it leaves out is as the function's settings say.
 *
 * @throws BoxError `invalid_argument` with every field that is malformed, not known, or cannot be honoured
 */
export function readTritonConfig(config: JsonObject, name: string, defaults: LoadOptions): TritonConfig {
  const problems: Problem[] = [];
  const options: Record<string, unknown> = {};
  const refuse: Refuse = (field, rule) => problems.push({ pointer: `/${field}`, message: `must ${rule}` });
  for (const [key, value] of Object.entries(config)) {
    const read = Object.hasOwn(FIELDS, key) ? FIELDS[key] : undefined;
    if (read === undefined) refuse(key, `${NOT_KNOWN}; known are ${Object.keys(FIELDS).join(', ')}`);
    else read(value, refuse, options, name);
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const read = readModelOptions(given, defaults);
  problems.push(...read.problems);
  if (problems.length > 0) {
    const list = problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
    throw new BoxError('invalid_argument', `Cannot load model ${name}: its config: ${list}`, { problems });
  }
  const { class_labels: labels } = config;
  return {
    load: read.options.load,
    labels: isTextList(labels) ? labels : undefined,
    inputs: namesOf(config.input),
    outputs: namesOf(config.output),
  };
}

function oneOf(field: string, allowed: readonly unknown[]): Field {
  return (value, refuse) => {
    if (!allowed.includes(value)) refuse(field, `be one of ${JSON.stringify(allowed)}`);
  };
}

function tensors(field: string): Field {
  return (value, refuse) => {
    const fits = Array.isArray(value) && value.every((item) => isRecord(item) && typeof item.name === 'string');
    if (!fits) refuse(field, 'be a list of tensors with names');
  };
}

function namesOf(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((item) => (isRecord(item) && typeof item.name === 'string' ? [item.name] : []));
}

/** protobuf's JSON writes 64-bit numbers as text. */
function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
