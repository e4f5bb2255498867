import { fixedDigits, floatText, scaledExactly } from './float-text.ts';
import type { FormatSpec } from './format-spec.ts';
import { PyError, valueError } from './py-error.ts';
import { intText } from './text.ts';

type Parts = readonly [sign: string, digits: string];

const BASES: Readonly<Record<string, readonly [number, string]>> = {
  b: [2, '0b'],
  o: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
};

/** An int's sign and digits under a format of the types b, c, d, n, o, x, X. */
export function formatInt(value: number | bigint, spec: FormatSpec): Parts {
  if (spec.precision !== undefined) throw valueError('Precision not allowed in integer format specifier');
  const sign = signText(value < 0, spec);
  const magnitude = value < 0 ? -value : value;
  if (spec.type === 'c') return ['', charOf(value)];
  const base = BASES[spec.type];
  if (base !== undefined) {
    const digits = magnitude.toString(base[0]);
    const cased = spec.type === 'X' ? digits.toUpperCase() : digits;
    return [sign + (spec.alternate ? base[1] : ''), group(cased, spec, 4)];
  }
  if (spec.type !== '' && spec.type !== 'd' && spec.type !== 'n') throw unknownCode(spec.type, 'int');
  return [sign, group(intText(magnitude), spec, 3)];
}

/** A float's sign and digits under a format of the types e, E, f, F, g, G, n, % or none. */
export function formatFloat(value: number, spec: FormatSpec): Parts {
  const upper = spec.type === 'E' || spec.type === 'F' || spec.type === 'G';
  const cased = (text: string) => (upper ? text.toUpperCase() : text);
  const negative = value < 0 || Object.is(value, -0);
  if (!Number.isFinite(value)) {
    const text = cased(Number.isNaN(value) ? 'nan' : 'inf') + (spec.type === '%' ? '%' : '');
    return [signText(negative, spec), text];
  }
  const digits = cased(magnitudeText(Math.abs(value), spec));
  const zero = /^[0.]*(e[+-]?\d+)?%?$/i.test(digits);
  return [signText(negative && !(spec.noNegativeZero && zero), spec), groupFloat(digits, spec)];
}

function magnitudeText(value: number, spec: FormatSpec): string {
  const precision = spec.precision ?? 6;
  switch (spec.type.toLowerCase()) {
    case 'f':
      return withPoint(fixedDigits(value, precision), spec);
    case '%':
      return `${withPoint(fixedDigits(value * 100, precision), spec)}%`;
    case 'e':
      return exponentText(value, precision);
    case 'g':
    case 'n':
      return generalText(value, precision, spec, false);
    case '':
      return spec.precision === undefined ? floatText(value) : generalText(value, spec.precision, spec, true);
    default:
      throw unknownCode(spec.type, 'float');
  }
}

function withPoint(digits: string, spec: FormatSpec): string {
  return spec.alternate && !digits.includes('.') ? `${digits}.` : digits;
}

function exponentText(value: number, precision: number): string {
  const [mantissa = '', exponent = '+0'] = exactExponential(value, precision).split('e');
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

/** JavaScript's `toExponential` goes to 100 digits and rounds ties up; beyond and on ties the exact digits are counted. */
function exactExponential(value: number, precision: number): string {
  if (value === 0) return `${fixedDigits(0, precision)}e+0`;
  let exponent = Math.floor(Math.log10(value));
  let digits = significant(value, precision - exponent);
  if (digits.length > precision + 1) {
    exponent += 1;
    digits = significant(value, precision - exponent);
  } else if (digits.length < precision + 1) {
    exponent -= 1;
    digits = significant(value, precision - exponent);
  }
  const point = precision === 0 ? '' : `.${digits.slice(1)}`;
  return `${digits[0]}${point}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}

function significant(value: number, places: number): string {
  return scaledExactly(value, places).toString();
}

/** `g`: fixed or exponential by the size of the number, `precision` digits in all, without zeros at the end. */
function generalText(value: number, wanted: number, spec: FormatSpec, keepPoint: boolean): string {
  const precision = Math.max(1, wanted);
  const exponential = exactExponential(value, precision - 1);
  const exponent = value === 0 ? 0 : Number(exponential.split('e')[1]);
  // Without a type the switch comes one digit earlier, so that a digit after the point always fits.
  const limit = keepPoint ? precision - 1 : precision;
  if (exponent < -4 || exponent >= limit) {
    const [mantissa = '', power = ''] = exponential.split('e');
    return `${trimZeros(mantissa, spec)}e${power[0]}${power.slice(1).padStart(2, '0')}`;
  }
  const fixed = trimZeros(fixedDigits(value, Math.max(0, precision - 1 - exponent)), spec);
  return keepPoint && !fixed.includes('.') ? `${fixed}.0` : fixed;
}

function trimZeros(digits: string, spec: FormatSpec): string {
  if (spec.alternate) return withPoint(digits, spec);
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}

function signText(negative: boolean, spec: FormatSpec): string {
  if (negative) return '-';
  return spec.sign === '+' || spec.sign === ' ' ? spec.sign : '';
}

function group(digits: string, spec: FormatSpec, size: number): string {
  if (spec.grouping === '') return digits;
  if (spec.grouping === ',' && size === 4) throw valueError(`Cannot specify ',' with '${spec.type}'.`);
  const first = digits.length % size || size;
  let grouped = digits.slice(0, first);
  for (let at = first; at < digits.length; at += size) grouped += spec.grouping + digits.slice(at, at + size);
  return grouped;
}

function groupFloat(digits: string, spec: FormatSpec): string {
  const whole = /^\d+/.exec(digits)?.[0] ?? '';
  return group(whole, { ...spec, type: '' }, 3) + digits.slice(whole.length);
}

function unknownCode(code: string, type: string): Error {
  return valueError(`Unknown format code '${code}' for object of type '${type}'`);
}

function charOf(value: number | bigint): string {
  if (value < 0 || value > 0x10ffff) throw new PyError('OverflowError', '%c arg not in range(0x110000)');
  return String.fromCodePoint(Number(value));
}
