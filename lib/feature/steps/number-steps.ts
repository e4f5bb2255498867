import type { Given } from '../given.ts';
import type { StepKind, StepRun } from '../step.ts';
import { fault, floats, MAX_ELEMENTS, type Numbers, showShape, toNumbers } from '../value.ts';

/** The numbers with each element replaced; the element's index selects among several factors. */
export function eachNumber(numbers: Numbers, change: (value: number, index: number) => number): Numbers {
  const { data } = numbers;
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = change(data[i] as number, i);
  return { ...numbers, data: out };
}

function numberStep(
  step: Omit<StepKind, 'takes' | 'gives' | 'options'> & Partial<Pick<StepKind, 'options'>>,
): StepKind {
  return { options: {}, ...step, takes: ['json', 'numbers', 'texts'], gives: 'numbers' };
}

export const SCALE_STEP = numberStep({
  name: 'scale',
  doc: 'Multiplies by a number.',
  compile(given) {
    const by = given.number();
    return by === undefined ? undefined : (value) => multiplied(toNumbers(value), by);
  },
});

function multiplied(numbers: Numbers, by: number): Numbers {
  const { data } = numbers;
  const out = new Float64Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = (data[i] as number) * by;
  return { ...numbers, data: out };
}

export const OFFSET_STEP = numberStep({
  name: 'offset',
  doc: 'Adds a number.',
  compile(given) {
    const by = given.number();
    return by === undefined ? undefined : (value) => eachNumber(toNumbers(value), (item) => item + by);
  },
});

export const CLIP_STEP = numberStep({
  name: 'clip',
  doc: '`[low, high]`: what is lower becomes low, what is higher becomes high.',
  compile(given) {
    const pair = given.list({ min: 2, max: 2 })?.map((item) => item.number());
    const [low, high] = pair ?? [];
    if (low === undefined || high === undefined) return undefined;
    if (low > high) return given.refuse('must be a lower and a higher bound, in this order');
    return (value) => eachNumber(toNumbers(value), (item) => (item < low ? low : item > high ? high : item));
  },
});

const NORMALISE_OPTIONS = {
  mean: 'Is taken away: one number, or one for each channel.',
  std: 'Is divided by: one number, or one for each channel.',
} as const;

export const NORMALISE_STEP = numberStep({
  name: 'normalise',
  doc: '`(x - mean) / std`, by one pair for all or by one for each channel: the channels of a picture, of any other array its last axis.',
  options: NORMALISE_OPTIONS,
  shorthand: ['mean', 'std'],
  compile(given) {
    const fields = given.fields(['mean', 'std']);
    if (fields === undefined) return undefined;
    const mean = fields.mean?.numbers() ?? [0];
    const std = fields.std?.numbers() ?? [1];
    if (std.includes(0)) fields.std?.refuse('must not be 0');
    if (mean.length !== 1 && std.length !== 1 && mean.length !== std.length) {
      given.note(`must have as many of mean as of std, got ${mean.length} and ${std.length}`);
    }
    return normaliser(mean, std);
  },
});

function normaliser(mean: readonly number[], std: readonly number[]): StepRun {
  const channels = Math.max(mean.length, std.length);
  return (value) => {
    const numbers = toNumbers(value);
    const { out, run, count } = channelRuns(numbers, channels);
    for (let i = 0; i < out.length; i++) {
      const channel = channels === 1 ? 0 : Math.trunc(i / run) % count;
      const m = mean[mean.length === 1 ? 0 : channel] as number;
      const s = std[std.length === 1 ? 0 : channel] as number;
      out[i] = ((out[i] as number) - m) / s;
    }
    return { ...numbers, data: out };
  };
}

/** A copy of the numbers, and how many elements lie side by side in a channel. */
function channelRuns(numbers: Numbers, channels: number): { out: Float64Array; run: number; count: number } {
  const { shape } = numbers;
  const axis = numbers.channelAxis ?? shape.length - 1;
  const count = shape[axis] ?? 1;
  if (channels !== 1 && channels !== count) {
    throw fault(`must have ${channels} channels on axis ${axis} to be normalised by, got shape ${showShape(shape)}`);
  }
  return { out: floats(numbers), run: shape.slice(axis + 1).reduce((product, size) => product * size, 1), count };
}

export const SHAPE_STEP: StepKind = {
  name: 'shape',
  doc: 'The shape as a list of sizes, in row-major order; one of them may be -1, which is what is left. A signal with another number of elements is refused.',
  options: {},
  takes: ['json', 'numbers', 'texts'],
  gives: 'numbers',
  compile(given) {
    const shape = readShape(given);
    if (shape === undefined) return undefined;
    return (value) => {
      if (value.kind === 'texts') return { ...value, shape: fitShape(shape, value.data.length) };
      const { data } = toNumbers(value);
      return { kind: 'numbers', shape: fitShape(shape, data.length), data };
    };
  },
};

/** Reads a shape with at most one -1. */
export function readShape(given: Given): number[] | undefined {
  const sizes = given.list({ min: 0, max: 8 })?.map((item) => item.integer({ min: -1, max: MAX_ELEMENTS }));
  if (!sizes?.every((size) => size !== undefined)) return undefined;
  if (sizes.filter((size) => size === -1).length > 1) return given.note('must have -1 once at most');
  if (sizes.includes(0)) return given.note('must have no size of 0');
  if (sizes.reduce((product, size) => product * Math.abs(size), 1) > MAX_ELEMENTS) {
    return given.note(`must have at most ${MAX_ELEMENTS} elements`);
  }
  return sizes;
}

/** The shape with -1 filled in. */
function fitShape(shape: readonly number[], count: number): readonly number[] {
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const open = shape.includes(-1);
  if (open ? count % known !== 0 : count !== known) {
    throw fault(
      `must have ${open ? `a multiple of ${known}` : known} elements for shape ${showShape(shape)}, got ${count}`,
    );
  }
  return open ? shape.map((size) => (size === -1 ? count / known : size)) : shape;
}
