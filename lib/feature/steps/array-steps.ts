import type { Given } from '../given.ts';
import type { StepKind, StepRun } from '../step.ts';
import { fault, floats, MAX_ELEMENTS, type Numbers, showShape, toNumbers } from '../value.ts';
import { numberStep } from './number-steps.ts';

const NORMALISE_OPTIONS = {
  mean: 'Is taken away: one number, or one for each channel.',
  std: 'Is divided by: one number, or one for each channel.',
} as const;

export const NORMALISE_STEP = numberStep({
  name: 'normalise',
  doc: '`(x - mean) / std`, by one pair for all or by one for each channel: the channels of a picture, of any other array its last axis.',
  options: NORMALISE_OPTIONS,
  shorthand: ['mean', 'std'],
  compile(given, { round }) {
    const fields = given.fields(['mean', 'std']);
    if (fields === undefined) return undefined;
    const mean = fields.mean?.numbers() ?? [0];
    const std = fields.std?.numbers() ?? [1];
    if (std.includes(0)) fields.std?.refuse('must not be 0');
    checkLengths(given, { mean, std });
    const [m, s] = [mean.map(round), std.map(round)];
    return byChannel([m, s], (x, [mean = 0, std = 1]) => round(round(x - mean) / std));
  },
});

const MIN_MAX_OPTIONS = {
  min: 'What becomes the lower end: one number, or one for each channel.',
  max: 'What becomes the upper end.',
  to: 'The ends, default `[0, 1]`.',
} as const;

export const MIN_MAX_STEP = numberStep({
  name: 'min_max',
  doc: '`(x - min) / (max - min)`, spread over the range `to`.',
  options: MIN_MAX_OPTIONS,
  compile(given, { round }) {
    const fields = given.fields(['min', 'max', 'to']);
    if (fields === undefined) return undefined;
    const min = fields.min?.numbers();
    const max = fields.max?.numbers();
    const [low, high] = fields.to?.list({ min: 2, max: 2 })?.map((item) => item.number()) ?? [0, 1];
    if (min === undefined || max === undefined) return given.note('must have min and max');
    if (low === undefined || high === undefined) return undefined;
    checkLengths(given, { min, max });
    const width = Math.max(min.length, max.length);
    const at = (list: readonly number[], i: number) => list[list.length === 1 ? 0 : i];
    if (Array.from({ length: width }).some((_, i) => at(min, i) === at(max, i))) {
      given.note('must have a max that is not min');
    }
    const [from, to] = [min.map(round), max.map(round)];
    return byChannel([from, to], (x, [min = 0, max = 1]) => {
      const part = round(round(x - min) / round(max - min));
      return low === 0 && high === 1 ? part : round(round(part * (high - low)) + low);
    });
  },
});

function checkLengths(given: Given, lists: Readonly<Record<string, readonly number[]>>): void {
  const lengths = Object.values(lists).map((list) => list.length);
  if (new Set(lengths.filter((length) => length !== 1)).size <= 1) return;
  given.note(`must have as many of ${Object.keys(lists).join(' as of ')}, got ${lengths.join(' and ')}`);
}

/** A step whose factors are the same for all numbers, or differ by channel. */
function byChannel(
  lists: readonly (readonly number[])[],
  change: (x: number, factors: readonly number[]) => number,
): StepRun {
  const channels = Math.max(...lists.map((list) => list.length));
  const factors = Array.from({ length: channels }, (_, c) => lists.map((list) => list[list.length === 1 ? 0 : c] ?? 0));
  return (value) => {
    const numbers = toNumbers(value);
    const out = floats(numbers);
    const run = channelRun(numbers, channels);
    for (let start = 0, channel = 0; start < out.length; start += run, channel = (channel + 1) % channels) {
      const own = factors[channel] as readonly number[];
      const end = Math.min(start + run, out.length);
      for (let i = start; i < end; i++) out[i] = change(out[i] as number, own);
    }
    return { ...numbers, data: out };
  };
}

/** How many elements of one channel lie side by side; all of them where the channels are treated alike. */
function channelRun({ shape, data, channelAxis }: Numbers, channels: number): number {
  const axis = channelAxis ?? shape.length - 1;
  if (channels === 1) return Math.max(1, data.length);
  if (channels !== shape[axis]) {
    throw fault(`must have ${channels} channels on axis ${axis} to be normalised by, got shape ${showShape(shape)}`);
  }
  return Math.max(
    1,
    shape.slice(axis + 1).reduce((product, size) => product * size, 1),
  );
}

export const TRANSPOSE_STEP = numberStep({
  name: 'transpose',
  doc: 'The axes in another order, as numpy numbers them: `[2, 0, 1]` makes HWC into CHW.',
  compile(given) {
    const axes = given.list({ min: 1, max: 8 })?.map((item) => item.integer({ min: 0, max: 7 }));
    if (!axes?.every((axis) => axis !== undefined)) return undefined;
    if (axes.toSorted((a, b) => a - b).some((axis, i) => axis !== i)) {
      return given.note(`must have each axis from 0 to ${axes.length - 1} once`);
    }
    return (value) => transposed(toNumbers(value), axes);
  },
});

function transposed(numbers: Numbers, axes: readonly number[]): Numbers {
  const { shape } = numbers;
  if (shape.length !== axes.length)
    throw fault(`must have ${axes.length} axes to be transposed, got ${showShape(shape)}`);
  const strides = stridesOf(shape);
  return gathered(numbers, {
    shape: axes.map((axis) => shape[axis] as number),
    strides: axes.map((axis) => strides[axis] as number),
    start: 0,
  });
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) {
    strides[axis] = (strides[axis + 1] as number) * (shape[axis + 1] as number);
  }
  return strides;
}

/** A view of an array as numpy has it: where it starts and how far the neighbours of each axis are. */
interface View {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly start: number;
}

/** The elements of a view in row-major order. */
function gathered({ data }: Numbers, { shape, strides, start }: View): Numbers {
  const out = new Float64Array(shape.reduce((product, size) => product * size, 1));
  let to = 0;
  const walk = (axis: number, at: number): void => {
    if (axis === shape.length) {
      out[to++] = data[at] as number;
      return;
    }
    for (let i = 0; i < (shape[axis] as number); i++) walk(axis + 1, at + i * (strides[axis] as number));
  };
  walk(0, start);
  return { kind: 'numbers', shape, data: out };
}

/** What is taken of one axis: all of it, one element (which drops the axis), or a range as Python slices. */
type AxisSlice = null | number | { readonly start: number | null; readonly stop: number | null; readonly step: number };

export const SLICE_STEP = numberStep({
  name: 'slice',
  doc: 'A part of the array, one entry for each axis from the first: `null` all of it, a number one element (the axis is dropped), `[start, stop]` or `[start, stop, step]` as Python slices, each of them `null` for its end.',
  compile(given) {
    const slices = given.list({ min: 1, max: 8 })?.map(readSlice);
    if (!slices?.every((slice) => slice !== undefined)) return undefined;
    return (value) => sliced(toNumbers(value), slices);
  },
});

function readSlice(given: Given): AxisSlice | undefined {
  const bounds = { min: -MAX_ELEMENTS, max: MAX_ELEMENTS };
  if (given.value === null) return null;
  if (!Array.isArray(given.value)) return given.integer(bounds);
  const ends = given.list({ min: 2, max: 3 })?.map((item) => (item.value === null ? null : item.integer(bounds)));
  if (!ends?.every((end) => end !== undefined)) return undefined;
  const [start = null, stop = null, step] = ends;
  if (step === 0) return given.note('must have a step that is not 0');
  return { start, stop, step: step ?? 1 };
}

function sliced(numbers: Numbers, slices: readonly AxisSlice[]): Numbers {
  const { shape } = numbers;
  if (slices.length > shape.length)
    throw fault(`must have ${slices.length} axes to be sliced, got ${showShape(shape)}`);
  const strides = stridesOf(shape);
  const view = { shape: [] as number[], strides: [] as number[], start: 0 };
  for (const [axis, size] of shape.entries()) {
    const stride = strides[axis] as number;
    const slice = slices[axis] ?? null;
    if (typeof slice === 'number') {
      const index = slice < 0 ? slice + size : slice;
      if (index < 0 || index >= size)
        throw fault(`must have an element ${slice} on axis ${axis}, got ${showShape(shape)}`);
      view.start += index * stride;
      continue;
    }
    const { first, count, step } = slice === null ? { first: 0, count: size, step: 1 } : pythonSlice(slice, size);
    if (count === 0) throw fault(`must have elements in the slice of axis ${axis}, got ${showShape(shape)}`);
    view.start += first * stride;
    view.shape.push(count);
    view.strides.push(stride * step);
  }
  return gathered(numbers, view);
}

/** Python's `slice.indices`. */
function pythonSlice({ start, stop, step }: Exclude<AxisSlice, null | number>, size: number) {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const bound = (end: number | null, open: number) =>
    end === null ? open : Math.min(high, Math.max(low, end < 0 ? end + size : end));
  const first = bound(start, step > 0 ? low : high);
  const end = bound(stop, step > 0 ? high : low);
  return { first, count: Math.max(0, Math.ceil((end - first) / step)), step };
}

export const SHAPE_STEP: StepKind = {
  name: 'shape',
  doc: 'The shape as a list of sizes, in row-major order; one of them may be -1, which is what is left. A signal with another number of elements is refused.',
  options: {},
  takes: ['json', 'numbers', 'texts', 'bytes'],
  gives: 'numbers',
  compile(given) {
    const shape = readShape(given);
    if (shape === undefined) return undefined;
    return (value) => {
      const { data } = toNumbers(value);
      return { kind: 'numbers', shape: fitShape(shape, data.length), data };
    };
  },
};

/** Reads a shape with at most one -1. */
function readShape(given: Given): number[] | undefined {
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
