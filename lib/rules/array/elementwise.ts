import type { Evaluation } from '../evaluation.ts';
import { roundHalfEven } from '../value/float-text.ts';
import { numberValue } from '../value/number-value.ts';
import { typeError, valueError } from '../value/py-error.ts';
import { PyTuple, type Value } from '../value/value.ts';
import { broadcastShape, broadcastTo } from './broadcast.ts';
import { castTo } from './cast.ts';
import { BOOL, type DType, FLOAT16, FLOAT32, FLOAT64, type NumberStore, type Store, TEXT } from './dtype.ts';
import { asArray } from './from-values.ts';
import { nonzero } from './indexing.ts';
import { NdArray, numbersOf, unwrapped } from './ndarray.ts';
import { commonType, operandOf } from './operand.ts';
import { mapElements, sameTypeFunction } from './unary.ts';

/** `np.maximum` and `np.minimum`: the greater or lesser of two, NaN where either is. */
export function extremum(which: 'max' | 'min', left: Value, right: Value, evaluation: Evaluation): Value {
  const [a, b, dtype] = together(left, right, evaluation);
  const out = dtype.numbers(a.size);
  const [x, y] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < out.length; i++) {
    const p = x[a.offset + i] as number;
    const q = y[b.offset + i] as number;
    const takeFirst = Number.isNaN(p) || (which === 'max' ? p >= q : p <= q);
    out[i] = takeFirst ? p : q;
  }
  return unwrapped(new NdArray(dtype, a.shape, out));
}

/** Two values as arrays of one shape and one numeric type. */
function together(left: Value, right: Value, evaluation: Evaluation): readonly [NdArray, NdArray, DType] {
  const a = operandOf(left, evaluation);
  const b = operandOf(right, evaluation);
  const dtype = commonType(a, b);
  if (dtype === TEXT) throw typeError('this operation takes numbers, got text');
  const shape = broadcastShape(a.array.shape, b.array.shape);
  const narrow = (array: NdArray) => broadcastTo(castTo(array, dtype, evaluation), shape, evaluation);
  return [narrow(a.array), narrow(b.array), dtype];
}

/** `np.clip`; a bound that is None is open. */
export function clip(value: Value, low: Value, high: Value, evaluation: Evaluation): Value {
  const raised = low === null ? value : extremum('max', value, low, evaluation);
  if (high !== null) return extremum('min', raised, high, evaluation);
  return low === null ? unwrapped(asArray(value, evaluation)) : raised;
}

/** `np.where`: elements of one of two by a condition; with the condition alone, where it holds. */
export function where(condition: Value, yes: Value | undefined, no: Value | undefined, evaluation: Evaluation): Value {
  const test = asArray(condition, evaluation);
  evaluation.take(test.size);
  if (yes === undefined && no === undefined) {
    if (test.ndim === 0) throw valueError('Calling nonzero on 0d arrays is not allowed.');
    return new PyTuple(nonzero(test));
  }
  if (yes === undefined || no === undefined) throw valueError('either both or neither of x and y should be given');
  const a = operandOf(yes, evaluation);
  const b = operandOf(no, evaluation);
  const dtype = commonType(a, b);
  const shape = broadcastShape(test.shape, broadcastShape(a.array.shape, b.array.shape));
  const t = broadcastTo(test, shape, evaluation);
  const [x, xStep] = choice(a.array, dtype, shape, evaluation);
  const [y, yStep] = choice(b.array, dtype, shape, evaluation);
  const out = dtype.elements(t.size);
  pick(truths(t), out, { data: x.store, at: x.offset, step: xStep }, { data: y.store, at: y.offset, step: yStep });
  // Unlike other functions, where answers an array even for scalars.
  return new NdArray(dtype, shape, out);
}

interface Choice {
  readonly data: Store;
  readonly at: number;
  readonly step: 0 | 1;
}

function pick(flags: NumberStore, out: Store, yes: Choice, no: Choice): void {
  const { data: values, step: valueStep } = yes;
  const { data: others, step: otherStep } = no;
  let i = yes.at;
  let j = no.at;
  for (let k = 0; k < flags.length; k++, i += valueStep, j += otherStep) {
    out[k] = (flags[k] !== 0 ? values[i] : others[j]) as number;
  }
}

/** The truth of each element as 0 or not. */
function truths(array: NdArray): NumberStore {
  if (array.dtype !== TEXT) return numbersOf(array).subarray(array.offset, array.offset + array.size);
  return Uint8Array.from({ length: array.size }, (_, i) => (array.store[array.offset + i] === '' ? 0 : 1));
}

/** One of the two that `where` takes from, and how far its next element is: a single one is read again and again. */
function choice(
  array: NdArray,
  dtype: DType,
  shape: readonly number[],
  evaluation: Evaluation,
): readonly [NdArray, 0 | 1] {
  const cast = castTo(array, dtype, evaluation);
  return cast.size === 1 ? [cast, 0] : [broadcastTo(cast, shape, evaluation), 1];
}

/** `np.round`: multiplied, rounded half to even, divided, as numpy does it (Python's `round` is exact instead). */
export function roundDecimals(value: Value, decimals: number, evaluation: Evaluation): Value {
  const array = asArray(value, evaluation);
  if (array.dtype.kind !== 'float') return roundIntegers(array, decimals, evaluation);
  const power = 10 ** Math.abs(decimals);
  const narrow = array.dtype === FLOAT32 ? Math.fround : (x: number) => x;
  const round =
    decimals === 0
      ? roundHalfEven
      : decimals > 0
        ? (x: number) => narrow(roundHalfEven(narrow(x * power)) / power)
        : (x: number) => narrow(roundHalfEven(narrow(x / power)) * power);
  return mapElements(sameTypeFunction('round', round), value, evaluation);
}

function roundIntegers(array: NdArray, decimals: number, evaluation: Evaluation): Value {
  if (array.dtype === BOOL) return roundDecimals(castTo(array, FLOAT16, evaluation), decimals, evaluation);
  if (array.dtype === TEXT) throw typeError('np.round takes numbers, got text');
  if (decimals >= 0) return unwrapped(array);
  const power = 10 ** -decimals;
  return mapElements(
    sameTypeFunction('round', (x) => roundHalfEven(x / power) * power + 0),
    array,
    evaluation,
  );
}

interface Replacements {
  readonly nan: Value | undefined;
  readonly high: Value | undefined;
  readonly low: Value | undefined;
}

/** `np.nan_to_num`: NaN as 0, infinities as the largest numbers of the type, or what is given for them. */
export function nanToNum(value: Value, replacements: Replacements, evaluation: Evaluation): Value {
  const array = asArray(value, evaluation);
  const largest = array.dtype === FLOAT64 ? Number.MAX_VALUE : array.dtype === FLOAT32 ? 3.4028234663852886e38 : 65504;
  const of = (given: Value | undefined, otherwise: number) =>
    given === undefined || given === null ? otherwise : array.dtype.fit(numberValue(given, 'a replacement'));
  const nan = of(replacements.nan, 0);
  const high = of(replacements.high, largest);
  const low = of(replacements.low, -largest);
  const replace = (x: number) => {
    if (Number.isNaN(x)) return nan;
    return x === Number.POSITIVE_INFINITY ? high : x === Number.NEGATIVE_INFINITY ? low : x;
  };
  const map = sameTypeFunction('nan_to_num', array.dtype.kind === 'float' ? replace : (x) => x);
  return mapElements(map, array, evaluation);
}
