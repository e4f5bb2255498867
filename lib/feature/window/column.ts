import { isRecord } from '../../json/json-object.ts';
import { type Given, unknownName } from '../given.ts';
import { compileJsonPath } from '../json-path.ts';
import type { Signal } from '../signal.ts';
import { readSource } from '../source.ts';
import type { StepRun } from '../step.ts';
import { compileSteps, PLAIN_STEP_PARAMS } from '../step-list.ts';
import { fault, toNumbers, type Value } from '../value.ts';
import { AGGREGATES, type AggregateName } from './aggregate.ts';
import { glob } from './glob.ts';

/** What stands in a row where a slot had no value; `skip`: there is no row. */
export type Fill = { readonly kind: 'value'; readonly value: number } | { readonly kind: 'last' | 'skip' };

/** A column of a window's rows. */
export interface Column {
  readonly name: string;
  readonly of: AggregateName;
  readonly fill: Fill;
}

/** Where the values of one column, or of several that differ by a key alone, come from. */
export interface ColumnReader {
  /** Which column the signal is for; undefined when it is for none of these. */
  readonly column: (signal: Signal) => number | undefined;
  /** The signal's values; none where it lacks them. */
  readonly values: (signal: Signal) => readonly number[];
  /** Whether it looks for a field of an object: a list of objects is then many signals. */
  readonly takesField: boolean;
}

/** What an entry of `columns` may have besides steps, for the documentation. */
export const COLUMN_DOCS: Readonly<Record<string, string>> = {
  name: 'The column, by which features take it.',
  names: 'Several columns that differ in one thing: each takes the signals whose `by` is its name.',
  by: 'With `names`: `source` (default), a JSONPath, or `{ "field": "sensor" }`.',
  source: 'Only signals of this source count, or of one in a list; `*` stands for any text: `hall.*`.',
  where:
    'Only signals with these values count: `{ "kind": "temperature" }`, by field or JSONPath; a list means any of it.',
  from: 'Where the value stands in the signal, as for a feature; left out, the field `name` (with `names`: the field `value`, or else the whole body). A list of numbers is several values; nulls are none.',
  of: 'What is made of the values of a slot, see below; default `last`.',
  fill: 'What stands in the row when a slot has no value: a number, `zero`, `nan`, `last` (what stood there before), or `skip`: there is no row. Left out: the fill of the window.',
};

const STEP_KEYS = [...PLAIN_STEP_PARAMS, 'steps'];

/** The most columns of a window. */
export const MAX_COLUMNS = 1000;

interface Read {
  readonly columns: readonly Column[];
  readonly reader: ColumnReader;
}

/** Reads an entry of `columns`, the first of whose columns will be column `first`. */
export function readColumns(given: Given, first: number, fill: Fill | undefined): Read | undefined {
  if (!isRecord(given.value)) return given.refuse('must be an object');
  const allowed = [...Object.keys(COLUMN_DOCS), ...STEP_KEYS];
  for (const key of given.keys()) if (!allowed.includes(key)) given.field(key)?.note(unknownName(key, allowed));
  const names = readNames(given);
  const of = given.field('of')?.choice(Object.keys(AGGREGATES) as AggregateName[]) ?? 'last';
  const ownFill = given.field('fill');
  const filled = (ownFill === undefined ? fill : readFill(ownFill)) ?? defaultFill(of);
  const key = readKey(given.field('by'));
  const matches = readMatches(given);
  const values = readValues(given, names);
  if (names === undefined || values === undefined || matches === undefined || key === undefined) return undefined;
  const columns = names.map((name): Column => ({ name, of, fill: filled }));
  if (given.field('names') === undefined) {
    return { columns, reader: { column: (signal) => (matches(signal) ? first : undefined), ...values } };
  }
  const places = new Map(names.map((name, i) => [name, first + i]));
  const column = (signal: Signal) => (matches(signal) ? places.get(key(signal) ?? '') : undefined);
  return { columns, reader: { column, ...values } };
}

function readNames(given: Given): string[] | undefined {
  const [one, several] = [given.field('name'), given.field('names')];
  if ((one === undefined) === (several === undefined)) return given.note('must have name or names');
  if (several === undefined && given.field('by') !== undefined) given.field('by')?.note('must come with names');
  const items = one === undefined ? several?.list({ min: 1, max: MAX_COLUMNS }) : [one];
  const names = items?.map((item) => item.text(200));
  return names?.every((name) => name !== undefined) ? names : undefined;
}

/** As pandas does it: the sum of nothing is 0, and nothing else is known of it. */
function defaultFill(of: AggregateName): Fill {
  return { kind: 'value', value: of === 'sum' ? 0 : Number.NaN };
}

export function readFill(given: Given): Fill | undefined {
  const { value } = given;
  if (typeof value === 'number') return { kind: 'value', value };
  if (value === 'zero') return { kind: 'value', value: 0 };
  if (value === 'nan') return { kind: 'value', value: Number.NaN };
  if (value === 'last' || value === 'skip') return { kind: value };
  return given.refuse('must be a number, zero, nan, last or skip');
}

type TextOf = (signal: Signal) => string | undefined;

/** What tells signals apart: their source, or text or a number that stands in them. */
export function readKey(given: Given | undefined): TextOf | undefined {
  if (given === undefined || given.value === 'source') return (signal) => signal.attribute('source');
  const read = readPlace(given);
  return read && ((signal) => scalarText(read(signal)));
}

/** A place in a signal: a JSONPath, or `{ "field": … }`. */
export function readPlace(given: Given): ((signal: Signal) => unknown) | undefined {
  if (isRecord(given.value)) {
    const name = given.fields(['field'])?.field?.text(200);
    return name === undefined ? given.note('must be a JSONPath or { "field": … }') : (signal) => signal.field(name);
  }
  const path = typeof given.value === 'string' && given.value.startsWith('$') ? compileJsonPath(given) : undefined;
  if (path === undefined) return given.refuse('must be a JSONPath that begins with $, or { "field": … }');
  return (signal) => path.get(signal.json());
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : undefined;
}

/** Whether a signal counts, by `source` and `where`. */
function readMatches(given: Given): ((signal: Signal) => boolean) | undefined {
  const conditions: ((signal: Signal) => boolean)[] = [];
  const source = given.field('source');
  if (source !== undefined) {
    const patterns = oneOrList(source)?.map((item) => item.text(200));
    if (!patterns?.every((pattern) => pattern !== undefined)) return undefined;
    const globs = patterns.map(glob);
    conditions.push((signal) => globs.some((fits) => fits(signal.attribute('source') ?? '')));
  }
  const where = given.field('where');
  if (where !== undefined && !isRecord(where.value)) return where.refuse('must be an object');
  for (const place of where?.keys() ?? []) {
    const wanted = where?.field(place);
    const condition = wanted && readCondition(place, wanted);
    if (condition === undefined) return undefined;
    conditions.push(condition);
  }
  return (signal) => conditions.every((condition) => condition(signal));
}

function readCondition(place: string, given: Given): ((signal: Signal) => boolean) | undefined {
  const wanted = oneOrList(given)?.map(({ value }) => scalarText(value));
  if (wanted === undefined) return undefined;
  const values = new Set(wanted);
  if (values.has(undefined)) return given.refuse('must be text, a number, true or false');
  const path = place.startsWith('$') ? compileJsonPath(given.holding(place)) : undefined;
  if (place.startsWith('$') && path === undefined) return undefined;
  return (signal) => {
    const text = scalarText(path ? path.get(signal.json()) : signal.field(place));
    return text !== undefined && values.has(text);
  };
}

function oneOrList(given: Given): Given[] | undefined {
  return Array.isArray(given.value) ? given.list({ min: 1, max: MAX_COLUMNS }) : [given];
}

function readValues(
  given: Given,
  names: readonly string[] | undefined,
): Pick<ColumnReader, 'values' | 'takesField'> | undefined {
  const from = given.field('from');
  const source =
    from === undefined && given.field('names') !== undefined ? VALUE_OR_BODY : readSource(from, names?.[0] ?? '');
  const stepKeys = given.keys().filter((key) => STEP_KEYS.includes(key));
  const steps = compileSteps(given.only(stepKeys), source?.gives, { round: (value) => value });
  if (source === undefined) return undefined;
  if (source.gives !== undefined && source.gives !== 'json') {
    return from?.note('must be a value of a record: a window takes no pictures, sound or bytes');
  }
  const values = (signal: Signal) => {
    const found = source.read(signal);
    if (found instanceof Promise) throw fault('must be numbers, got an image');
    return found === undefined ? [] : numbersOf(found, steps, source.label);
  };
  return { values, takesField: source.takesField };
}

/** What most sensors send that are told apart by their source: `{ "value": 21.5 }`, or the number alone. */
const VALUE_OR_BODY = {
  label: 'field value',
  gives: 'json' as const,
  takesField: true,
  read(signal: Signal): Value | undefined {
    const json = signal.form === 'json' ? signal.json() : signal.form === 'text' ? signal.text() : undefined;
    if (json === undefined) throw fault('must be in a signal of records or text');
    const found = isRecord(json) || hasRecords(json) ? signal.field('value') : json;
    return found === undefined || found === null ? undefined : { kind: 'json', json: found };
  },
};

function hasRecords(json: unknown): boolean {
  return Array.isArray(json) && json.some(isRecord);
}

function numbersOf(found: Value, steps: readonly StepRun[], label: string): readonly number[] {
  let value = found.kind === 'json' && Array.isArray(found.json) ? withoutNulls(found.json) : found;
  try {
    for (const step of steps) value = step(value);
    // What most sensors send; nothing to convert.
    if (value.kind === 'json' && typeof value.json === 'number' && !Number.isNaN(value.json)) return [value.json];
    // Not a number is no value, as for pandas.
    return Array.from(toNumbers(value).data).filter((number) => !Number.isNaN(number));
  } catch (thrown) {
    if (thrown instanceof Error && thrown.message.startsWith('must ')) throw fault(`${label} ${thrown.message}`);
    throw thrown;
  }
}

function withoutNulls(list: readonly unknown[]): Value {
  return { kind: 'json', json: list.filter((item) => item !== null && item !== undefined) };
}
