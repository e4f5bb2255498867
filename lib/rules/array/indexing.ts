import type { Evaluation } from '../evaluation.ts';
import { asIndex } from '../value/index.ts';
import { indexError } from '../value/py-error.ts';
import { sliceRange } from '../value/slice.ts';
import { ELLIPSIS, PyEllipsis, PyList, PySlice, PyTuple, type Value } from '../value/value.ts';
import { broadcastShape, broadcastTo, sameShape } from './broadcast.ts';
import { BOOL, INT64 } from './dtype.ts';
import { asArray } from './from-values.ts';
import { elementAt, gather, NdArray, numbersOf, showShape, sizeOf, stridesOf, unwrapped } from './ndarray.ts';

/** `array[key]` of numpy: integers, slices, `...`, newaxis, integer arrays and boolean masks, in any mixture. */
export function indexArray(array: NdArray, key: Value, evaluation: Evaluation): Value {
  if (typeof key === 'number' && array.ndim > 0) return itemAt(array, key);
  if (key instanceof NdArray && key.dtype === BOOL && sameShape(key.shape, array.shape))
    return compress(array, key, evaluation);
  const items = key instanceof PyTuple ? key.items : [key];
  const plan = planIndex(array, items, evaluation);
  evaluation.take(sizeOf(plan.shape));
  if (plan.picks.length > 0) return pickElements(array, plan, evaluation);
  const result = gather(array, array.offset + plan.offset, plan.shape, plan.strides);
  return plan.scalar ? unwrapped(result) : result;
}

/** `array[mask]` with a mask of the array's own shape. */
function compress(array: NdArray, mask: NdArray, evaluation: Evaluation): NdArray {
  evaluation.take(array.size);
  const { store, offset, dtype } = array;
  const flags = numbersOf(mask);
  const { offset: first, size } = mask;
  let found = 0;
  for (let i = 0; i < size; i++) found += flags[first + i] as number;
  const out = dtype.elements(found);
  for (let i = 0, next = 0; i < size; i++) {
    if (flags[first + i] !== 0) out[next++] = store[offset + i] as number;
  }
  return new NdArray(dtype, [found], out);
}

/** `array[i]`: a scalar, or the sub-array, which shares the memory. */
function itemAt(array: NdArray, index: number): Value {
  const length = array.shape[0] as number;
  const at = inBounds(index, length, 0);
  if (array.ndim === 1) return elementAt(array, at);
  const shape = array.shape.slice(1);
  return new NdArray(array.dtype, shape, array.store, array.offset + at * sizeOf(shape));
}

function inBounds(index: number, length: number, axis: number): number {
  const at = index < 0 ? index + length : index;
  if (at >= 0 && at < length) return at;
  throw indexError(`index ${index} is out of bounds for axis ${axis} with size ${length}`);
}

/** One integer array of the key: its indexes along an axis. */
interface Pick {
  readonly axis: number;
  readonly indexes: NdArray;
}

interface Plan {
  offset: number;
  readonly shape: number[];
  readonly strides: number[];
  readonly picks: Pick[];
  /** Where in `shape` the picked dimensions go. */
  picksAt: number;
  /** Whether every axis was given a plain integer. */
  scalar: boolean;
}

function planIndex(array: NdArray, items: readonly Value[], evaluation: Evaluation): Plan {
  const parts = expandKey(array, items, evaluation);
  const dotted = items.some((item) => item instanceof PyEllipsis);
  const strides = stridesOf(array.shape);
  const plan: Plan = { offset: 0, shape: [], strides: [], picks: [], picksAt: -1, scalar: !dotted };
  let axis = 0;
  let lastPick = -2;
  parts.forEach((part, position) => {
    if (part === null) {
      plan.shape.push(1);
      plan.strides.push(0);
      plan.scalar = false;
      return;
    }
    const length = array.shape[axis] as number;
    const stride = strides[axis] as number;
    if (part instanceof PySlice) {
      const { start, step, count } = sliceRange(part, length);
      plan.offset += count === 0 ? 0 : start * stride;
      plan.shape.push(count);
      plan.strides.push(step * stride);
      plan.scalar = false;
    } else if (part instanceof NdArray) {
      // numpy puts the picked dimensions first where the integer arrays do not stand together.
      if (plan.picks.length === 0) plan.picksAt = plan.shape.length;
      else if (lastPick !== position - 1) plan.picksAt = 0;
      lastPick = position;
      plan.picks.push({ axis, indexes: part });
    } else {
      plan.offset += inBounds(part, length, axis) * stride;
    }
    axis++;
  });
  return plan;
}

type Part = number | null | PySlice | NdArray;

const WHOLE = new PySlice(null, null, null);

/** The key with `...` and missing axes spelled out, and masks as the positions of their true elements. */
function expandKey(array: NdArray, items: readonly Value[], evaluation: Evaluation): Part[] {
  const given = items.map((item) => partOf(item, evaluation));
  const consumed = given.reduce<number>((sum, part) => sum + axesOf(part), 0);
  if (consumed > array.ndim) {
    throw indexError(`too many indices for array: array is ${array.ndim}-dimensional, but ${consumed} were indexed`);
  }
  const dots = given.filter((part) => part instanceof PyEllipsis).length;
  if (dots > 1) throw indexError("an index can only have a single ellipsis ('...')");
  const missing = new Array<Part>(array.ndim - consumed).fill(WHOLE);
  const parts: Part[] = [];
  let axis = 0;
  for (const part of dots === 0 ? [...given, ELLIPSIS] : given) {
    if (part instanceof PyEllipsis) parts.push(...missing);
    else if (part instanceof NdArray && part.dtype === BOOL) parts.push(...maskIndexes(array, part, axis));
    else parts.push(part);
    axis += part instanceof PyEllipsis ? missing.length : axesOf(part);
  }
  return integersBesideArrays(parts);
}

function axesOf(part: Part | PyEllipsis): number {
  if (part === null || part instanceof PyEllipsis) return 0;
  return part instanceof NdArray && part.dtype === BOOL ? part.ndim : 1;
}

function partOf(item: Value, evaluation: Evaluation): Part | PyEllipsis {
  if (item === null || item instanceof PySlice || item instanceof PyEllipsis) return item;
  const index = typeof item === 'boolean' ? undefined : asIndex(item);
  if (index !== undefined) return index;
  if (item instanceof PyList && item.items.length === 0) return asArray(item, evaluation, INT64);
  return arrayIndex(item, evaluation);
}

function arrayIndex(item: Value, evaluation: Evaluation): NdArray {
  if (item instanceof NdArray || item instanceof PyList || item instanceof PyTuple) {
    const array = asArray(item, evaluation);
    if (array.dtype.isInteger || (array.dtype === BOOL && array.ndim > 0)) return array;
    throw indexError('arrays used as indices must be of integer (or boolean) type');
  }
  throw indexError(
    'only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid indices',
  );
}

/** The positions of a mask's true elements, one integer array per axis of the mask. */
function maskIndexes(array: NdArray, mask: NdArray, axis: number): NdArray[] {
  mask.shape.forEach((length, i) => {
    const own = array.shape[axis + i];
    if (own !== length) {
      throw indexError(
        `boolean index did not match indexed array along axis ${axis + i}; size of axis is ${own} but size of corresponding boolean axis is ${length}`,
      );
    }
  });
  return nonzero(mask);
}

/** The positions of an array's nonzero elements, one integer array per axis. */
export function nonzero(array: NdArray): NdArray[] {
  const found: number[] = [];
  for (let i = 0; i < array.size; i++) {
    const item = array.store[array.offset + i];
    if (item !== 0 && item !== '') found.push(i);
  }
  return stridesOf(array.shape).map((stride, axis) => {
    const length = array.shape[axis] as number;
    const indexes = INT64.numbers(found.length);
    for (let i = 0; i < found.length; i++) indexes[i] = Math.floor((found[i] as number) / stride) % length;
    return new NdArray(INT64, [found.length], indexes);
  });
}

/** Beside integer arrays a plain integer counts as one of them. */
function integersBesideArrays(parts: Part[]): Part[] {
  if (!parts.some((part) => part instanceof NdArray)) return parts;
  return parts.map((part) => {
    if (typeof part !== 'number') return part;
    const store = INT64.numbers(1);
    store[0] = part;
    return new NdArray(INT64, [], store);
  });
}

function pickElements(array: NdArray, plan: Plan, evaluation: Evaluation): Value {
  let picked: readonly number[] = [];
  for (const pick of plan.picks) picked = broadcastPicks(picked, pick.indexes.shape);
  const offsets = pickOffsets(array, plan.picks, picked, evaluation);
  const before = plan.shape.slice(0, plan.picksAt);
  const after = plan.shape.slice(plan.picksAt);
  const shape = [...before, ...picked, ...after];
  evaluation.take(sizeOf(shape));
  const outer = offsetsOf(before, plan.strides.slice(0, plan.picksAt));
  const inner = offsetsOf(after, plan.strides.slice(plan.picksAt));
  const out = array.dtype.elements(sizeOf(shape));
  const start = array.offset + plan.offset;
  let next = 0;
  for (const o of outer) {
    for (const p of offsets) for (const i of inner) out[next++] = array.store[start + o + p + i] as number;
  }
  return unwrapped(new NdArray(array.dtype, shape, out));
}

function broadcastPicks(a: readonly number[], b: readonly number[]): readonly number[] {
  try {
    return broadcastShape(a, b);
  } catch {
    throw indexError(
      `shape mismatch: indexing arrays could not be broadcast together with shapes ${showShape(a)} ${showShape(b)}`,
    );
  }
}

/** The offset that the integer arrays together give each picked element. */
function pickOffsets(
  array: NdArray,
  picks: readonly Pick[],
  shape: readonly number[],
  evaluation: Evaluation,
): Float64Array {
  const strides = stridesOf(array.shape);
  const offsets = new Float64Array(sizeOf(shape));
  for (const { axis, indexes } of picks) {
    const spread = broadcastTo(indexes, shape, evaluation);
    const length = array.shape[axis] as number;
    const stride = strides[axis] as number;
    for (let i = 0; i < offsets.length; i++) {
      offsets[i] = (offsets[i] as number) + inBounds(spread.store[spread.offset + i] as number, length, axis) * stride;
    }
  }
  return offsets;
}

/** The offsets of all elements of a strided block, row-major. */
function offsetsOf(shape: readonly number[], strides: readonly number[]): readonly number[] {
  let offsets = [0];
  shape.forEach((length, axis) => {
    const stride = strides[axis] as number;
    offsets = offsets.flatMap((offset) => Array.from({ length }, (_, i) => offset + i * stride));
  });
  return offsets;
}
