import type { Evaluation } from '../evaluation.ts';
import { floatOfInt } from '../value/integer.ts';
import { type PyError, typeError, valueError } from '../value/py-error.ts';
import { elementText } from '../value/scalar-text.ts';
import { typeName } from '../value/type-name.ts';
import { PyFloat, PyList, PyRange, PyTuple, type Value } from '../value/value.ts';
import { castTo } from './cast.ts';
import { BOOL, type DType, FLOAT64, INT64, promote, TEXT } from './dtype.ts';
import { NdArray, NpScalar, sizeOf } from './ndarray.ts';

/** An array of any value that numpy's `asarray` takes: arrays, numbers, text, nested lists and tuples, ranges. */
export function asArray(value: Value, evaluation: Evaluation, dtype?: DType): NdArray {
  if (value instanceof NdArray) return dtype === undefined ? value : castTo(value, dtype, evaluation);
  const array = fromNested(value, evaluation);
  return dtype === undefined ? array : castTo(array, dtype, evaluation);
}

function fromNested(value: Value, evaluation: Evaluation): NdArray {
  const shape: number[] = [];
  for (let level = value; ; ) {
    const length = lengthOf(level);
    if (length === undefined) {
      if (level instanceof NdArray) shape.push(...level.shape);
      break;
    }
    shape.push(length);
    if (shape.length > 32) throw valueError('maximum supported dimension for an array is 32');
    if (length === 0) break;
    level = itemAt(level, 0);
  }
  evaluation.take(sizeOf(shape));
  const leaves: Leaf[] = [];
  collect(value, shape, 0, leaves);
  return pack(shape, leaves);
}

type Leaf = NpScalar | string;

function lengthOf(value: Value): number | undefined {
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length;
  return value instanceof PyRange ? value.length : undefined;
}

function itemAt(value: Value, index: number): Value {
  if (value instanceof PyRange) return value.start + index * value.step;
  return value instanceof PyList || value instanceof PyTuple ? (value.items[index] as Value) : null;
}

function collect(value: Value, shape: readonly number[], depth: number, out: Leaf[]): void {
  if (value instanceof NdArray) {
    if (value.ndim !== shape.length - depth || value.shape.some((length, axis) => length !== shape[depth + axis]))
      throw ragged();
    for (let i = 0; i < value.size; i++) {
      const item = value.store[value.offset + i] as number | string;
      out.push(typeof item === 'string' ? item : new NpScalar(value.dtype, item));
    }
    return;
  }
  const length = lengthOf(value);
  if (depth === shape.length) {
    if (length !== undefined) throw ragged();
    out.push(leafOf(value));
    return;
  }
  if (length === undefined || length !== shape[depth]) throw ragged();
  for (let i = 0; i < length; i++) collect(itemAt(value, i), shape, depth + 1, out);
}

function ragged(): PyError {
  return valueError('setting an array element with a sequence: the lists are not equally long');
}

/** A scalar with the type that numpy gives it alone. */
function leafOf(value: Value): Leaf {
  if (value instanceof NpScalar || typeof value === 'string') return value;
  if (value instanceof PyFloat) return new NpScalar(FLOAT64, value.value);
  if (typeof value === 'number') return new NpScalar(INT64, value);
  if (typeof value === 'bigint') {
    return value >= -(2n ** 63n) && value < 2n ** 64n
      ? new NpScalar(INT64, INT64.fit(Number(value)))
      : new NpScalar(FLOAT64, floatOfInt(value));
  }
  if (typeof value === 'boolean') return new NpScalar(BOOL, value ? 1 : 0);
  throw typeError(`arrays hold numbers, booleans or text here, got ${typeName(value)}`);
}

function pack(shape: readonly number[], leaves: readonly Leaf[]): NdArray {
  let dtype: DType | undefined;
  for (const leaf of leaves) {
    const own = typeof leaf === 'string' ? TEXT : leaf.dtype;
    dtype = dtype === undefined ? own : promote(dtype, own);
  }
  if (dtype === undefined) return new NdArray(FLOAT64, shape, FLOAT64.numbers(sizeOf(shape)));
  if (dtype === TEXT)
    return new NdArray(
      TEXT,
      shape,
      leaves.map((leaf) => (typeof leaf === 'string' ? leaf : elementText(leaf.dtype, leaf.value))),
    );
  const numbers = dtype.numbers(leaves.length);
  for (let i = 0; i < leaves.length; i++) numbers[i] = (leaves[i] as NpScalar).value;
  return new NdArray(dtype, shape, numbers);
}
