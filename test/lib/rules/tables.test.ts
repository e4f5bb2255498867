import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { BoxError } from '#lib/error/box-error.ts';
import { NdArray, NpScalar } from '#lib/rules/array/ndarray.ts';
import { compileRule } from '#lib/rules/compile.ts';
import { RuleScope } from '#lib/rules/inputs/rule-scope.ts';
import { toRepr, toText } from '#lib/rules/value/text.ts';
import { PyFloat, type Value } from '#lib/rules/value/value.ts';
import { parseTensor } from '#lib/tensor/tensor.ts';

/** What Python and numpy make of a rule; written by make_tables.py. */
interface Entry {
  readonly rule: string;
  readonly errors?: readonly string[];
  readonly repr?: string;
  readonly str?: string;
  readonly type?: string;
  readonly truthy?: boolean | string;
}

interface ApproximateEntry {
  readonly rule: string;
  readonly errors?: readonly string[];
  readonly dtype?: string;
  readonly shape?: readonly number[];
  readonly data?: readonly (number | string | boolean)[];
}

interface InputSpec {
  readonly dtype?: string;
  readonly data?: unknown;
  readonly maps?: unknown;
  readonly class_label?: string;
  readonly probability?: number;
}

function table<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./tables/${name}.json`, import.meta.url), 'utf8'));
}

const unmetered = { take: () => undefined };

function scope(): RuleScope {
  const specs = table<Record<string, InputSpec>>('inputs');
  const prediction = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const data = spec.dtype === undefined ? spec.maps : parseTensor(spec.data, { dtype: spec.dtype as 'float32' });
      return [name, { data, class_label: spec.class_label, probability: spec.probability }];
    }),
  );
  const features = { temperature: [21.5, 22.0], room: 'kitchen' };
  return new RuleScope({ prediction, source: 'door', time: 1_700_000_000.25, features });
}

const shared = scope();

/** The value of a rule, or the class of the error that it ended in. */
function outcome(rule: string): { readonly value: Value } | { readonly error: string } {
  try {
    return { value: compileRule(rule).compute(shared).value };
  } catch (thrown) {
    if (!(thrown instanceof BoxError)) throw thrown;
    return { error: thrown.code === 'invalid_argument' ? `refused: ${thrown.message}` : String(thrown.facts.error) };
  }
}

function truthOf(rule: string): boolean | string {
  try {
    return compileRule(rule).evaluate(shared).truthy;
  } catch (thrown) {
    return thrown instanceof BoxError ? String(thrown.facts.error) : String(thrown);
  }
}

/** What is wrong with a rule's outcome, `undefined` when it is Python's. */
function difference(entry: Entry): string | undefined {
  const found = outcome(entry.rule);
  if ('error' in found) {
    if (entry.errors === undefined) return `${entry.rule}: wanted ${entry.repr}, got ${found.error}`;
    // What Python finds out when it runs, a wrong argument say, is refused here when the rule is compiled.
    const told = entry.errors.includes(found.error) || found.error.startsWith('refused');
    return told ? undefined : `${entry.rule}: wanted ${entry.errors[0]}, got ${found.error}`;
  }
  const repr = toRepr(found.value, unmetered);
  if (entry.errors !== undefined) return `${entry.rule}: wanted ${entry.errors[0]}, got ${repr}`;
  if (repr !== entry.repr) return `${entry.rule}: wanted ${entry.repr}, got ${repr}`;
  const text = toText(found.value, unmetered);
  if (text !== entry.str) return `${entry.rule}: wanted the text ${entry.str}, got ${text}`;
  const truth = truthOf(entry.rule);
  return truth === entry.truthy ? undefined : `${entry.rule}: wanted the truth ${entry.truthy}, got ${truth}`;
}

const EXACT = [
  'original',
  'truth',
  'numbers',
  'converting',
  'formats',
  'text',
  'collections',
  'indexing',
  'reducing',
  'elementwise',
  'arithmetic',
  'shaping',
  'making',
  'ordering',
  'linear',
  'printing',
  'random',
];

describe('rules held against the tables that Python and numpy wrote', () => {
  for (const name of EXACT) {
    const entries = table<Entry[]>(name);
    it(`${name}: ${entries.length} rules give Python's value, text, truth or error`, () => {
      const wrong = entries.map(difference).filter((text) => text !== undefined);
      assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.slice(0, 200).join('\n')}`);
    });
  }

  const entries = table<ApproximateEntry[]>('approximate');
  it(`approximate: ${entries.length} rules come within the last digits of numpy's result`, () => {
    const wrong = entries.map(distance).filter((text) => text !== undefined);
    assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.join('\n')}`);
  });
});

function distance(entry: ApproximateEntry): string | undefined {
  const found = outcome(entry.rule);
  if ('error' in found) {
    const told = entry.errors?.includes(found.error) || found.error.startsWith('refused');
    return told ? undefined : `${entry.rule}: wanted ${entry.dtype ?? entry.errors?.[0]}, got ${found.error}`;
  }
  const { dtype, shape, numbers } = numbersOf(found.value);
  const tolerance = dtype === 'float16' ? 2e-3 : dtype === 'float32' ? 1e-6 : 1e-13;
  const near =
    dtype === entry.dtype &&
    shape.join() === entry.shape?.join() &&
    numbers.every((number, i) => isNear(number, Number(pythonNumber(entry.data?.[i])), tolerance));
  return near ? undefined : `${entry.rule}: wanted ${JSON.stringify(entry)}, got ${dtype} (${shape}) ${numbers}`;
}

function pythonNumber(item: number | string | boolean | undefined): number | string | boolean | undefined {
  return item === 'inf' ? Number.POSITIVE_INFINITY : item === '-inf' ? Number.NEGATIVE_INFINITY : item;
}

function isNear(found: number, wanted: number, tolerance: number): boolean {
  if (Object.is(found, wanted) || found === wanted) return true;
  return Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
}

function numbersOf(value: Value): { dtype: string; shape: readonly number[]; numbers: readonly number[] } {
  if (value instanceof NdArray) {
    const numbers = Array.from({ length: value.size }, (_, i) => Number(value.store[value.offset + i]));
    return { dtype: value.dtype.name, shape: value.shape, numbers };
  }
  if (value instanceof NpScalar) return { dtype: value.dtype.name, shape: [], numbers: [value.value] };
  if (value instanceof PyFloat) return { dtype: 'float', shape: [], numbers: [value.value] };
  return { dtype: typeof value === 'number' ? 'int' : typeof value, shape: [], numbers: [Number(value)] };
}
