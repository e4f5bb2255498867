import { TEXT } from '../array/dtype.ts';
import { roundDecimals } from '../array/elementwise.ts';
import { NdArray, NpScalar } from '../array/ndarray.ts';
import { mapElements, sameTypeFunction } from '../array/unary.ts';
import type { Evaluation } from '../evaluation.ts';
import { roundFloat, roundHalfEven } from '../value/float-text.ts';
import { divmodInt, type Int, intFromText, intOfWhole, isInt, powerInt } from '../value/integer.ts';
import { asNumber } from '../value/number-value.ts';
import { PyError, typeError, valueError } from '../value/py-error.ts';
import { toText } from '../value/text.ts';
import { truth } from '../value/truth.ts';
import { typeName } from '../value/type-name.ts';
import { PyFloat, type Value } from '../value/value.ts';
import { wholeNumber } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

/** The builtins that make one value of another. */
export const CONVERTING: readonly LibraryFunction[] = [
  defineFunction('abs', 'x, /', ([x], evaluation) => magnitude(x as Value, evaluation)),
  defineFunction('round', 'number, ndigits=', ([x, digits], evaluation) =>
    round(x as Value, digits ?? null, evaluation),
  ),
  defineFunction('float', 'x=, /', ([x], evaluation) => {
    if (typeof x === 'string') evaluation.read(x);
    return new PyFloat(x === undefined ? 0 : toFloat(x));
  }),
  defineFunction('int', 'x=, /, base=', ([x, base], evaluation) => {
    if (typeof x === 'string') evaluation.read(x);
    return toInt(x === undefined ? 0 : x, base);
  }),
  defineFunction('bool', 'x=, /', ([x]) => x !== undefined && truth(x)),
  defineFunction('str', 'object=, /', ([x], evaluation) => {
    if (x === undefined) return '';
    const text = toText(x, evaluation);
    evaluation.take(text.length);
    return text;
  }),
];

function magnitude(value: Value, evaluation: Evaluation): Value {
  if (isInt(value)) return value < 0 ? -value : value;
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof PyFloat) return new PyFloat(Math.abs(value.value));
  if (value instanceof NdArray || value instanceof NpScalar)
    return mapElements(sameTypeFunction('abs', Math.abs), value, evaluation);
  throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
}

/** Python's `round`: of floats exact and half to even, of numpy's numbers as numpy rounds. */
function round(value: Value, digits: Value, evaluation: Evaluation): Value {
  const int = typeof value === 'boolean' ? Number(value) : value;
  if (isInt(int)) return digits === null ? int : roundInt(int, wholeNumber(digits, 'ndigits'), evaluation);
  if (value instanceof PyFloat) {
    return digits === null
      ? wholeOf(value.value)
      : new PyFloat(roundFloat(value.value, wholeNumber(digits, 'ndigits')));
  }
  if (value instanceof NpScalar && digits === null) return wholeOf(value.value);
  if (value instanceof NpScalar) return roundDecimals(value, wholeNumber(digits, 'ndigits'), evaluation);
  throw typeError(
    `type ${value instanceof NdArray ? 'numpy.ndarray' : typeName(value)} doesn't define __round__ method`,
  );
}

function wholeOf(value: number): Int {
  if (Number.isNaN(value)) throw valueError('cannot convert float NaN to integer');
  if (!Number.isFinite(value)) throw new PyError('OverflowError', 'cannot convert float infinity to integer');
  return intOfWhole(roundHalfEven(value));
}

function roundInt(value: Int, digits: number, evaluation: Evaluation): Int {
  if (digits >= 0) return value;
  if (digits < -400) return 0;
  const unit = BigInt(powerInt(10, -digits, evaluation));
  const [quotient, rest] = divmodInt(BigInt(value), unit);
  const twice = BigInt(rest) * 2n;
  const up = twice > unit || (twice === unit && BigInt(quotient) % 2n !== 0n);
  return divmodInt((BigInt(quotient) + (up ? 1n : 0n)) * unit, 1n)[0];
}

const FLOAT_TEXT = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;
const SPECIAL_TEXT = /^([+-]?)(inf|infinity|nan)$/i;

function toFloat(value: Value): number {
  if (typeof value === 'string') return floatFromText(value);
  if (value instanceof NdArray) return elementNumber(value);
  const number = asNumber(value);
  if (number === undefined)
    throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`);
  return number;
}

function floatFromText(text: string): number {
  const trimmed = text.trim();
  const special = SPECIAL_TEXT.exec(trimmed);
  if (special !== null) {
    const magnitude = special[2]?.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
    return special[1] === '-' ? -magnitude : magnitude;
  }
  if (!FLOAT_TEXT.test(trimmed))
    throw valueError(`could not convert string to float: ${JSON.stringify(text.slice(0, 60))}`);
  return Number(trimmed.replaceAll('_', ''));
}

/** numpy 2 makes a number only of arrays without dimensions; those of one element still warn and work. */
function elementNumber(array: NdArray): number {
  if (array.size !== 1) throw typeError('only 0-dimensional arrays can be converted to Python scalars');
  const item = array.store[array.offset] as number | string;
  return typeof item === 'string' ? floatFromText(item) : item;
}

function toInt(value: Value, base: Value | undefined): Int {
  if (base !== undefined) {
    const radix = wholeNumber(base, 'base');
    if (typeof value !== 'string') throw typeError("int() can't convert non-string with explicit base");
    if (radix !== 0 && (radix < 2 || radix > 36)) throw valueError('int() base must be >= 2 and <= 36, or 0');
    return intFromText(value, radix);
  }
  if (typeof value === 'string') return intFromText(value, 10);
  if (isInt(value)) return value;
  if (value instanceof NdArray && value.dtype === TEXT) return intFromText(String(value.store[value.offset]), 10);
  const number = value instanceof NdArray ? elementNumber(value) : asNumber(value);
  if (number === undefined)
    throw typeError(`int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`);
  if (Number.isNaN(number)) throw valueError('cannot convert float NaN to integer');
  if (!Number.isFinite(number)) throw new PyError('OverflowError', 'cannot convert float infinity to integer');
  return intOfWhole(Math.trunc(number));
}
