import { BoxError, errorText } from '../error/box-error.ts';
import { isRecord } from '../json/json-object.ts';
import type { Feature } from '../message/body.ts';
import type { FeatureDescriptor } from '../scenario/scenario.ts';
import { DTYPES } from '../tensor/dtype.ts';
import { type Given, unknownName } from './given.ts';
import { filledByLast, type LastValues } from './last-values.ts';
import { featureOutput } from './output.ts';
import type { Signal } from './signal.ts';
import { type KnownFields, readSource, type Source } from './source.ts';
import { compileSteps, STEP_PARAMS } from './step-list.ts';
import { fault, type JsonValue, MAX_LISTS, type Value, type ValueKind } from './value.ts';

/** One feature of a descriptor. */
export interface FeatureMaker {
  /** Makes the feature of a signal. Throws a BoxError that names the feature; only pictures take time. */
  readonly make: (signal: Signal, last?: LastValues) => Feature | Promise<Feature>;
  /** Whether it looks for a field of an object: a list of objects is then many signals. */
  readonly takesField: boolean;
  /** Whether it takes what is missing from an earlier signal. */
  readonly takesLast: boolean;
}

/** Params that are no step, for the documentation. */
export const PARAM_DOCS: Readonly<Record<string, string>> = {
  from: 'Where the feature comes from, see above.',
  missing:
    'What is taken when the signal has no such value, and for every null in a list: `fail` (default: the signal is refused), `nan`, `{ "value": … }`, or `last`: what the last signal of the same source had there, text or numbers, which is kept.',
  steps:
    'Steps in an order of their own, each an object with one key: `[{ "offset": 1 }, { "scale": 2 }]`. Not beside steps among the params.',
  compute:
    'Precision of the steps: `float64` (default), or `float32` as numpy computes with float32 arrays, each result rounded.',
  dtype:
    'Element type by its numpy name; `float32` for arrays when left out. Types of whole numbers refuse what is not whole or does not fit.',
};

/** The names that feature_params may have. */
const PARAMS: readonly string[] = [...Object.keys(PARAM_DOCS), ...STEP_PARAMS];

/**
 * Compiles one entry of `feature_list`; `given` is its `feature_params`. What is wrong is noted there, and then what is
 * returned is not to be used. `columns` are those of the window that features are made of, where there is one.
 */
export function compileFeature(
  descriptor: FeatureDescriptor,
  given: Given,
  columns?: readonly string[],
): FeatureMaker | undefined {
  const params = paramsOf(given);
  if (params === undefined) return undefined;
  for (const key of params.keys()) {
    if (!PARAMS.includes(key)) params.field(key)?.note(unknownName(key, PARAMS));
  }
  const { feature_name: name, feature_type: type } = descriptor;
  const source = readSource(fromOf(params, name, columns), name, columns && windowFields(columns));
  const missing = readMissing(params.field('missing'), source, columns !== undefined);
  const round = params.field('compute')?.choice(['float64', 'float32']) === 'float32' ? Math.fround : asItIs;
  const steps = compileSteps(params, source?.gives, { round });
  const output = featureOutput(type, params.field('dtype')?.choice(DTYPES));
  if (source === undefined) return undefined;

  const finish = (found: Value | undefined, last: LastValues | undefined): Feature => {
    let value = found;
    if (missing === 'last') value = filledByLast(found, name, last);
    else if (missing !== undefined) value = filled(found, missing);
    if (value === undefined) throw fault('must be in the signal');
    for (const step of steps) value = step(value);
    return { feature_name: name, data: output(value) };
  };
  const fail = (thrown: unknown): never => {
    throw namedError(thrown, name, source.label);
  };
  const make = (signal: Signal, last?: LastValues) => {
    try {
      const value = source.read(signal);
      return value instanceof Promise ? value.then((found) => finish(found, last)).catch(fail) : finish(value, last);
    } catch (thrown) {
      return fail(thrown);
    }
  };
  return { make, takesField: source.takesField, takesLast: missing === 'last' };
}

/** What features may take of a window. */
function windowFields(columns: readonly string[]): KnownFields {
  const numbers = [...columns, 'rows'].map((name) => [name, 'numbers'] as const);
  return new Map<string, ValueKind>([
    ...numbers,
    ...(['start', 'end', 'source'] as const).map((name) => [name, 'json'] as const),
  ]);
}

/** Of a window a feature without `from` is the column with its name, or else all rows. */
function fromOf(params: Given, name: string, columns: readonly string[] | undefined): Given | undefined {
  const from = params.field('from');
  if (from !== undefined || columns === undefined) return from;
  return params.child('from', { field: columns.includes(name) ? name : 'rows' });
}

function asItIs(value: number): number {
  return value;
}

/**
 * The params as an object. Text that begins like an object is its JSON, as the original typed it; any other text is a
 * remark: the original never read this field, and its files may hold anything there.
 */
function paramsOf(given: Given): Given | undefined {
  const { value } = given;
  if (value === undefined || value === null) return given.holding({});
  if (isRecord(value)) return given;
  if (typeof value !== 'string') return given.refuse('must be an object or its JSON as text');
  if (!value.trimStart().startsWith('{')) return given.holding({});
  try {
    return given.holding(JSON.parse(value));
  } catch (error) {
    return given.note(`must be JSON when it begins with { (${errorText(error)})`);
  }
}

function readMissing(
  given: Given | undefined,
  source: Source | undefined,
  isOfWindow: boolean,
): JsonValue | 'last' | undefined {
  if (given === undefined || given.value === 'fail') return undefined;
  if (given.value === 'last') {
    if (isOfWindow) return given.note('must not be last of a window: its columns have a fill');
    const isKept = source?.gives === undefined || source.gives === 'json';
    return isKept ? 'last' : given.note('must not be last here: text and numbers of records are kept, nothing else');
  }
  if (given.value === 'nan') return { kind: 'json', json: Number.NaN };
  if (!isRecord(given.value)) return given.refuse('must be fail, nan, last or { "value": … }');
  const value = given.fields(['value'])?.value;
  if (value === undefined || value.value === null) return given.note('must have a value');
  return { kind: 'json', json: value.value };
}

/** The value with what is missing put in its place: for all of it, or for each null in its lists. */
function filled(found: Value | undefined, missing: JsonValue): Value {
  if (found === undefined) return missing;
  return found.kind === 'json' && Array.isArray(found.json)
    ? { kind: 'json', json: withoutNulls(found.json, missing.json) }
    : found;
}

function withoutNulls(json: unknown, value: unknown, depth = 0): unknown {
  if (json === null || json === undefined) return value;
  if (depth > MAX_LISTS) throw fault(`must nest at most ${MAX_LISTS} lists deep`);
  return Array.isArray(json) ? json.map((item) => withoutNulls(item, value, depth + 1)) : json;
}

/** An error with the feature's name in front; errors of the values themselves begin with what they must be. */
function namedError(thrown: unknown, feature: string, label: string): unknown {
  if (!(thrown instanceof BoxError)) return thrown;
  const what = thrown.message.startsWith('must ') ? `${label} ${thrown.message}` : thrown.message;
  return new BoxError(thrown.code, `Cannot make feature ${feature}: ${what}`, { cause: thrown });
}
