import { NdArray, NpScalar } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
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
  if (specText === '') return toText(value, evaluation);
  const spec = parseFormatSpec(specText, typeName(value));
  if ((spec.width ?? 0) > MAX_WIDTH || (spec.precision ?? 0) > MAX_WIDTH) {
    throw new PyError('BudgetError', `a format may be ${MAX_WIDTH} characters wide`);
  }
  if (typeof value === 'string') return pad(formatText(value, spec), '', spec, '<');
  if (value instanceof PyFloat) return numeric(formatFloat(value.value, spec), spec);
  if (value instanceof NpScalar) return formatScalar(value, spec);
  if (typeof value === 'boolean' && spec.type === '') return pad(toText(value, evaluation), '', spec, '<');
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

/** A number's sign and digits, filled between them where the format says so. */
function numeric(parts: readonly [string, string], spec: FormatSpec): string {
  const [sign, digits] = parts;
  if (spec.zero && spec.align === '') return pad(digits, sign, { ...spec, fill: '0', align: '=' }, '>');
  return pad(digits, sign, spec, '>');
}

function pad(text: string, sign: string, spec: FormatSpec, standard: '<' | '>'): string {
  const missing = (spec.width ?? 0) - textLength(sign + text);
  if (missing <= 0) return sign + text;
  const align = spec.align === '' ? standard : spec.align;
  if (align === '=') return sign + spec.fill.repeat(missing) + text;
  const left = align === '<' ? 0 : align === '>' ? missing : Math.floor(missing / 2);
  return spec.fill.repeat(left) + sign + text + spec.fill.repeat(missing - left);
}
