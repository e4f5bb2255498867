import type { Given } from '../given.ts';
import type { StepKind } from '../step.ts';
import { fault, type Numbers, toNumbers } from '../value.ts';
import { UNITS } from './unit.ts';

/** The numbers with each replaced: by the same for the same, whatever stands around it. */
function eachNumber(numbers: Numbers, change: (value: number) => number): Numbers {
  const { data } = numbers;
  const out = new Float64Array(data.length);
  if (data instanceof Uint8Array && data.length > 4 * BYTES) {
    // A picture has few different numbers: each is computed once.
    const table = new Float64Array(BYTES);
    for (let byte = 0; byte < BYTES; byte++) table[byte] = change(byte);
    for (let i = 0; i < out.length; i++) out[i] = table[data[i] as number] as number;
    return { ...numbers, data: out };
  }
  for (let i = 0; i < out.length; i++) out[i] = change(data[i] as number);
  return { ...numbers, data: out };
}

/** What a byte may be. */
const BYTES = 256;

type NumberStep = Pick<StepKind, 'name' | 'doc' | 'compile'> & Partial<StepKind>;

/** A step from numbers to numbers. */
export function numberStep(step: NumberStep): StepKind {
  return { options: {}, takes: ['json', 'numbers', 'texts', 'bytes'], gives: 'numbers', ...step };
}

export const SCALE_STEP = numberStep({
  name: 'scale',
  doc: 'Multiplies by a number.',
  compile(given, { round }) {
    const by = given.number();
    if (by === undefined) return undefined;
    const factor = round(by);
    return (value) => eachNumber(toNumbers(value), (item) => round(item * factor));
  },
});

export const DIVIDE_STEP = numberStep({
  name: 'divide',
  doc: 'Divides by a number.',
  compile(given, { round }) {
    const by = given.number();
    if (by === undefined) return undefined;
    if (by === 0) return given.refuse('must not be 0');
    const divisor = round(by);
    return (value) => eachNumber(toNumbers(value), (item) => round(item / divisor));
  },
});

export const OFFSET_STEP = numberStep({
  name: 'offset',
  doc: 'Adds a number.',
  compile(given, { round }) {
    const by = given.number();
    if (by === undefined) return undefined;
    const addend = round(by);
    return (value) => eachNumber(toNumbers(value), (item) => round(item + addend));
  },
});

export const CLIP_STEP = numberStep({
  name: 'clip',
  doc: '`[low, high]`: what is lower becomes low, what is higher becomes high.',
  compile(given, { round }) {
    const pair = given.list({ min: 2, max: 2 })?.map((item) => item.number());
    const [low, high] = pair ?? [];
    if (low === undefined || high === undefined) return undefined;
    if (low > high) return given.refuse('must be a lower and a higher bound, in this order');
    const [from, to] = [round(low), round(high)];
    return (value) => eachNumber(toNumbers(value), (item) => (item < from ? from : item > to ? to : item));
  },
});

const RANGE_OPTIONS = {
  min: 'The lowest number that is taken.',
  max: 'The highest.',
  reason: 'What the dead letter says of a signal that is outside.',
} as const;

export const RANGE_STEP = numberStep({
  name: 'range',
  doc: 'Refuses a signal with a number outside of a range.',
  options: RANGE_OPTIONS,
  compile(given) {
    const fields = given.fields(['min', 'max', 'reason']);
    if (fields === undefined) return undefined;
    const min = fields.min?.number() ?? Number.NEGATIVE_INFINITY;
    const max = fields.max?.number() ?? Number.POSITIVE_INFINITY;
    const reason = fields.reason?.text();
    if (min > max) given.note(`must have a min that is not above max, got ${min} and ${max}`);
    return (value) => {
      const numbers = toNumbers(value);
      for (const item of numbers.data) {
        if (item < min || item > max) throw fault(outside(item, min, max, reason));
      }
      return numbers;
    };
  },
});

function outside(item: number, min: number, max: number, reason: string | undefined): string {
  const low = min === Number.NEGATIVE_INFINITY ? '' : ` from ${min}`;
  const high = max === Number.POSITIVE_INFINITY ? '' : ` up to ${max}`;
  return `must be${low}${high}${reason === undefined ? '' : ` (${reason})`}, got ${item}`;
}

const UNIT_OPTIONS = {
  from: `The unit of the signal: ${Object.keys(UNITS).join(', ')}.`,
  to: 'The unit of the feature, of the same quantity.',
} as const;

export const UNIT_STEP = numberStep({
  name: 'unit',
  doc: 'Converts between units of one quantity.',
  options: UNIT_OPTIONS,
  compile(given, { round }) {
    const fields = given.fields(['from', 'to']);
    const from = unitOf(fields?.from, given);
    const to = unitOf(fields?.to, given);
    if (from === undefined || to === undefined) return undefined;
    if (from.quantity !== to.quantity) {
      return given.note(`must be units of one quantity, got ${from.quantity} and ${to.quantity}`);
    }
    return (value) =>
      eachNumber(toNumbers(value), (item) => round((item * from.factor + from.offset - to.offset) / to.factor));
  },
});

function unitOf(given: Given | undefined, parent: Given) {
  if (given === undefined) return parent.note('must have from and to');
  const name = given.choice(Object.keys(UNITS));
  return name === undefined ? undefined : UNITS[name];
}

const ROUNDINGS = { nearest: roundHalfEven, down: Math.floor, up: Math.ceil, zero: Math.trunc } as const;

export const ROUND_STEP = numberStep({
  name: 'round',
  doc: 'To whole numbers: `nearest` (halves to the even one, as numpy does), `down`, `up`, or `zero` (towards it, as `astype(int)` does).',
  compile(given) {
    const way = given.choice(['nearest', 'down', 'up', 'zero'] as const);
    if (way === undefined) return undefined;
    const change = ROUNDINGS[way];
    return (value) => eachNumber(toNumbers(value), change);
  },
});

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
