import { NdArray, NpScalar } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import { floatText } from './float-text.ts';
import { formatFloat, formatInt } from './format-number.ts';
import { type FormatSpec, parseFormatSpec } from './format-spec.ts';
import { isInt } from './integer.ts';
import { PyError, typeError, valueError } from './py-error.ts';
import { textLength } from './subscript.ts';
import { toText } from './text.ts';
import { typeName } from './type-name.ts';
import { PyFloat, type Value } from './value.ts';

const MAX_WIDTH = 10_000;

/** A value written by a format specification, as Python's `format(value, spec)`. */
export function formatValue(value: Value, specText: string, evaluation: Evaluation): string {
  if (specText === '') return plainText(value, evaluation);
  const spec = parseFormatSpec(specText, typeName(value));
  if ((spec.width ?? 0) > MAX_WIDTH || (spec.precision ?? 0) > MAX_WIDTH) {
    throw new PyError('BudgetError', `a format may be ${MAX_WIDTH} characters wide`);
  }
  // Digits are exact, however many are asked for.
  evaluation.spend(spec.precision ?? 0);
  if (typeof value === 'string') return pad(formatText(value, spec), '', zeroFilled(spec, '<'), '<');
  if (value instanceof PyFloat) return numeric(formatFloat(value.value, spec), spec);
  if (value instanceof NpScalar) return formatScalar(value, spec);
  const int = typeof value === 'boolean' ? Number(value) : value;
  if (isInt(int)) return formatIntAs(int, spec);
  if (value instanceof NdArray && value.ndim === 0)
    return formatScalar(new NpScalar(value.dtype, Number(value.store[value.offset])), spec);
  throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
}

function formatScalar(value: NpScalar, spec: FormatSpec): string {
  if (value.dtype.kind === 'float') return numeric(formatFloat(value.value, spec), spec);
  return formatIntAs(value.value, spec);
}

function formatIntAs(value: number | bigint, spec: FormatSpec): string {
  if ('eEfFgG%'.includes(spec.type) && spec.type !== '') return numeric(formatFloat(Number(value), spec), spec);
  return numeric(formatInt(value, spec), spec);
}

function formatText(text: string, spec: FormatSpec): string {
  if (spec.type !== '' && spec.type !== 's')
    throw valueError(`Unknown format code '${spec.type}' for object of type 'str'`);
  if (spec.sign !== '' || spec.alternate || spec.grouping !== '')
    throw valueError('this format is for numbers, got str');
  return spec.precision === undefined ? text : [...text].slice(0, spec.precision).join('');
}

/** Without a specification numpy's floats are written as Python's: `f'{np.float32(0.1)}'` shows what 0.1 is in float32. */
function plainText(value: Value, evaluation: Evaluation): string {
  return value instanceof NpScalar && value.dtype.kind === 'float' ? floatText(value.value) : toText(value, evaluation);
}

/** A number's sign and digits, filled between them where the format says so. */
function numeric(parts: readonly [string, string], spec: FormatSpec): string {
  const [sign, digits] = parts;
  const filled = zeroFilled(spec, '=');
  const grouped = filled.fill === '0' && filled.align === '=' && spec.grouping !== '' && /^\d/.test(digits);
  return pad(grouped ? groupedZeros(digits, sign, spec) : digits, sign, filled, '>');
}

/** A `0` before the width fills with zeros, where no alignment says otherwise. */
function zeroFilled(spec: FormatSpec, align: '<' | '='): FormatSpec {
  return spec.zero && spec.align === '' ? { ...spec, fill: '0', align } : spec;
}

/** Zeros put before grouped digits are grouped too. */
function groupedZeros(digits: string, sign: string, spec: FormatSpec): string {
  const size = spec.grouping === '_' && 'boxX'.includes(spec.type) && spec.type !== '' ? 4 : 3;
  const wanted = (spec.width ?? 0) - sign.length;
  let text = digits;
  const whole = /^[^.e%]*/.exec(digits)?.[0] ?? '';
  const separator = whole.indexOf(spec.grouping);
  let run = separator === -1 ? whole.length : separator;
  while (text.length < wanted) {
    const separated = run === size;
    text = separated ? `0${spec.grouping}${text}` : `0${text}`;
    run = separated ? 1 : run + 1;
  }
  return text;
}

function pad(text: string, sign: string, spec: FormatSpec, standard: '<' | '>'): string {
  const missing = (spec.width ?? 0) - textLength(sign + text);
  if (missing <= 0) return sign + text;
  const align = spec.align === '' ? standard : spec.align;
  if (align === '=') return sign + spec.fill.repeat(missing) + text;
  const left = align === '<' ? 0 : align === '>' ? missing : Math.floor(missing / 2);
  return spec.fill.repeat(left) + sign + text + spec.fill.repeat(missing - left);
}
