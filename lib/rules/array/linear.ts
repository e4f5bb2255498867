import type { Evaluation } from '../evaluation.ts';
import { asNumber } from '../value/number-value.ts';
import { typeError, valueError } from '../value/py-error.ts';
import type { Value } from '../value/value.ts';
import { arrayArithmetic, arrayCompare } from './binary.ts';
import { broadcastShape, broadcastTo } from './broadcast.ts';
import { castTo } from './cast.ts';
import { BOOL, type DType, FLOAT64, type NumberStore, promote, settle, TEXT } from './dtype.ts';
import { asArray } from './from-values.ts';
import { gather, NdArray, numbersOf, sizeOf, stridesOf, unwrapped } from './ndarray.ts';
import { COUNT_NONZERO, MAX, MIN, type ReduceOptions, type Reduction, type Run, reduce, sumOf } from './reduce.ts';
import { moveAxis, normalAxis } from './shape.ts';

/** `np.dot`: products for scalars, else the sum over the last axis of `a` and the last but one of `b`. */
export function dot(left: Value, right: Value, evaluation: Evaluation): Value {
  const a = asArray(left, evaluation);
  const b = asArray(right, evaluation);
  if (a.ndim === 0 || b.ndim === 0) return arrayArithmetic('*', a, b, evaluation);
  if (a.ndim <= 2 && b.ndim <= 2) return matmul(a, b, evaluation);
  const rows = rowsOf(a);
  const columns = b.ndim === 1 ? b : moveAxis(b, b.ndim - 2, b.ndim - 1, evaluation);
  const length = a.shape.at(-1) as number;
  if (columns.shape.at(-1) !== length) throw misaligned(a, b);
  const width = columns.size / Math.max(1, length);
  const shape = [...a.shape.slice(0, -1), ...columns.shape.slice(0, -1)];
  return unwrapped(
    products(a, columns, rows, length === 0 ? sizeOf(columns.shape.slice(0, -1)) : width, length, shape, evaluation),
  );
}

function rowsOf(array: NdArray): number {
  return sizeOf(array.shape.slice(0, -1));
}

/** `left @ right`: matrix products over the last two axes, the ones before broadcast. */
export function matmul(left: Value, right: Value, evaluation: Evaluation): Value {
  const a = asArray(left, evaluation);
  const b = asArray(right, evaluation);
  if (a.ndim === 0 || b.ndim === 0) throw valueError('matmul: Input operand does not have enough dimensions');
  const x = a.ndim === 1 ? new NdArray(a.dtype, [1, a.size], a.store, a.offset) : a;
  const y = b.ndim === 1 ? new NdArray(b.dtype, [b.size, 1], b.store, b.offset) : b;
  const rows = x.shape.at(-2) as number;
  const length = x.shape.at(-1) as number;
  const width = y.shape.at(-1) as number;
  if (y.shape.at(-2) !== length) throw misaligned(a, b);
  const lead = broadcastShape(x.shape.slice(0, -2), y.shape.slice(0, -2));
  const xs = broadcastTo(x, [...lead, rows, length], evaluation);
  const ys = moveAxis(broadcastTo(y, [...lead, length, width], evaluation), lead.length, lead.length + 1, evaluation);
  const blocks: NdArray[] = [];
  for (let block = 0; block < sizeOf(lead); block++) {
    const p = new NdArray(xs.dtype, [rows, length], xs.store, xs.offset + block * rows * length);
    const q = new NdArray(ys.dtype, [width, length], ys.store, ys.offset + block * width * length);
    blocks.push(products(p, q, rows, width, length, [rows, width], evaluation));
  }
  const shape = [...lead, ...(a.ndim === 1 ? [] : [rows]), ...(b.ndim === 1 ? [] : [width])];
  return unwrapped(joined(blocks, promote(a.dtype, b.dtype), shape));
}

function joined(blocks: readonly NdArray[], dtype: DType, shape: readonly number[]): NdArray {
  const only = blocks[0];
  if (blocks.length === 1 && only !== undefined) return new NdArray(dtype, shape, only.store);
  const out = dtype.numbers(sizeOf(shape));
  let next = 0;
  for (const block of blocks) for (let i = 0; i < block.size; i++) out[next++] = block.store[i] as number;
  return new NdArray(dtype, shape, out);
}

/** All products of `rows` rows of `a` with `width` rows of `b`, each `length` long. */
function products(
  a: NdArray,
  b: NdArray,
  rows: number,
  width: number,
  length: number,
  shape: readonly number[],
  evaluation: Evaluation,
): NdArray {
  const dtype = promote(a.dtype, b.dtype);
  if (dtype === TEXT) throw typeError('a product takes numbers, got an array of strings');
  evaluation.take(rows * width * Math.max(1, length));
  const [x, y] = [numbersOf(a), numbersOf(b)];
  const out = dtype.numbers(rows * width);
  let next = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const i = a.offset + row * length;
      const j = b.offset + column * length;
      const sum = sumOfProducts(x, i, y, j, length);
      out[next++] = dtype === BOOL ? Number(sum !== 0) : sum;
    }
  }
  settle(dtype, out);
  return new NdArray(dtype, shape, out);
}

/** Four running sums do not wait for each other. */
function sumOfProducts(x: NumberStore, i: number, y: NumberStore, j: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 4 <= length; k += 4) {
    s0 += (x[i + k] as number) * (y[j + k] as number);
    s1 += (x[i + k + 1] as number) * (y[j + k + 1] as number);
    s2 += (x[i + k + 2] as number) * (y[j + k + 2] as number);
    s3 += (x[i + k + 3] as number) * (y[j + k + 3] as number);
  }
  for (; k < length; k++) s0 += (x[i + k] as number) * (y[j + k] as number);
  return s0 + s1 + (s2 + s3);
}

function misaligned(a: NdArray, b: NdArray): Error {
  return valueError(
    `matmul: the last axis of the left and the last but one of the right must be equally long, got shapes (${a.shape.join(', ')}) and (${b.shape.join(', ')})`,
  );
}

/** `np.diff`: each element less the one before it, along an axis, `times` over. */
export function diff(array: NdArray, times: number, axis: number, evaluation: Evaluation): NdArray {
  if (times < 0) throw valueError(`order must be non-negative but got ${times}`);
  if (array.ndim === 0) throw valueError('diff requires input that is at least one dimensional');
  const at = normalAxis(axis, array.ndim);
  let result = array;
  for (let i = 0; i < times && (result.shape[at] as number) > 0; i++) {
    const later = take(result, at, 1, evaluation);
    const earlier = take(result, at, 0, evaluation);
    const difference =
      array.dtype === BOOL
        ? arrayCompare('!=', later, earlier, evaluation)
        : arrayArithmetic('-', later, earlier, evaluation);
    result = asArray(difference, evaluation);
  }
  return result;
}

/** All but one of the elements along an axis: all but the last from 0, all but the first from 1. */
function take(array: NdArray, axis: number, from: 0 | 1, evaluation: Evaluation): NdArray {
  const strides = stridesOf(array.shape);
  const shape = array.shape.with(axis, (array.shape[axis] as number) - 1);
  evaluation.take(sizeOf(shape));
  return gather(array, array.offset + from * (strides[axis] as number), shape, strides);
}

/** `np.linalg.norm`: of vectors by order 1, 2, inf, -inf, 0 or any number; of matrices 'fro', 1, inf and -inf. */
export function norm(array: NdArray, order: Value, options: ReduceOptions, evaluation: Evaluation): Value {
  const data = castTo(array, array.dtype.kind === 'float' ? array.dtype : FLOAT64, evaluation);
  if (options.axes === undefined && order === null) {
    return reduce(EUCLIDEAN, data, { ...options, axes: undefined }, evaluation);
  }
  const axes = options.axes ?? data.shape.map((_, axis) => axis);
  if (axes.length === 1) return reduce(vectorNorm(orderOf(order)), data, { ...options, axes }, evaluation);
  if (axes.length !== 2) throw valueError('Improper number of dimensions to norm.');
  if (order === null || order === 'fro') return reduce(vectorNorm(2), data, { ...options, axes }, evaluation);
  return matrixNorm(data, orderOf(order), axes as [number, number], options.keepdims, evaluation);
}

/** The norm of all elements at once is the root of their product with themselves, as numpy takes it. */
const EUCLIDEAN: Reduction = {
  name: 'norm',
  result: (dtype) => dtype,
  needsElements: false,
  apply: ({ data, start, count }) => Math.sqrt(sumOfProducts(data, start, data, start, count)),
};

function orderOf(order: Value): number {
  if (order === null) return 2;
  const number = asNumber(order);
  if (number === undefined) throw valueError(`Invalid norm order '${String(order).slice(0, 20)}' for vectors`);
  return number;
}

function vectorNorm(order: number): Reduction {
  return {
    name: 'norm',
    result: (dtype) => dtype,
    needsElements: !Number.isFinite(order),
    apply: (run, dtype) => normOf(run, order, dtype),
  };
}

function normOf(run: Run, order: number, dtype: DType): number {
  const { data, start, count, step } = run;
  const items = dtype.numbers(count);
  for (let i = 0, at = start; i < count; i++, at += step) items[i] = Math.abs(data[at] as number);
  const whole = { data: items, start: 0, count, step: 1 };
  if (order === Number.POSITIVE_INFINITY) return MAX.apply(whole, dtype);
  if (order === Number.NEGATIVE_INFINITY) return MIN.apply(whole, dtype);
  if (order === 0) return COUNT_NONZERO.apply(whole, dtype);
  if (order === 1) return sumOf(whole, dtype) + 0;
  for (let i = 0; i < count; i++) items[i] = order === 2 ? (items[i] as number) ** 2 : (items[i] as number) ** order;
  const sum = sumOf(whole, dtype) + 0;
  return order === 2 ? Math.sqrt(sum) : sum ** (1 / order);
}

/** The largest or smallest sum of magnitudes over columns (1, -1) or rows (inf, -inf). */
function matrixNorm(
  array: NdArray,
  order: number,
  axes: readonly [number, number],
  keepdims: boolean,
  evaluation: Evaluation,
): Value {
  const byColumn = Math.abs(order) === 1;
  if (!byColumn && Number.isFinite(order))
    throw valueError(`a matrix has norms of order 'fro', 1, -1, inf and -inf here, got ${order}`);
  const [row, column] = axes.map((axis) => normalAxis(axis, array.ndim)) as [number, number];
  const sums = asArray(
    reduce(vectorNorm(1), array, { axes: [byColumn ? row : column], keepdims: true }, evaluation),
    evaluation,
  );
  const last = { axes: [row, column], keepdims };
  return reduce(order > 0 ? MAX : MIN, sums, last, evaluation);
}
