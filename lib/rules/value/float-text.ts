/** A float as Python writes it: the shortest digits that read back as the same float. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  return laidOut(value.toExponential(), size >= 1e-4 && size < 1e16);
}

/** How a narrower float is written: the digits that always suffice, its rounding, and from where on with an exponent. */
export interface NarrowFloat {
  readonly digits: number;
  readonly round: (value: number) => number;
  readonly exponentFrom: number;
}

/** A narrower float as numpy writes it: the shortest digits that read back as the same float. */
export function narrowFloatText(value: number, type: NarrowFloat): string {
  if (!Number.isFinite(value) || value === 0) return floatText(value);
  const size = Math.abs(value);
  const positional = size >= 1e-4 && size < type.exponentFrom;
  for (let digits = 1; digits < type.digits; digits++) {
    const text = value.toExponential(digits - 1);
    if (type.round(Number(text)) === value) return laidOut(text, positional);
  }
  return laidOut(value.toExponential(type.digits - 1), positional);
}

/** The digits of JavaScript's exponential notation, as Python lays them out. */
function laidOut(exponential: string, positional: boolean): string {
  const [mantissa = '', exponentText = '0'] = exponential.split('e');
  const exponent = Number(exponentText);
  const sign = mantissa.startsWith('-') ? '-' : '';
  const digits = mantissa.replace('-', '').replace('.', '');
  if (!positional) {
    const point = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
    return `${sign}${point}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return `${sign}${digits.padEnd(exponent + 1, '0')}.0`;
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** The magnitude of a finite float with `places` decimals, its exact value rounded half to even as Python does. */
export function fixedDigits(value: number, places: number): string {
  const magnitude = Math.abs(value);
  const scaled = scaledExactly(magnitude, places).toString();
  if (places === 0) return scaled;
  const padded = scaled.padStart(places + 1, '0');
  return `${padded.slice(0, -places)}.${padded.slice(-places)}`;
}

/** `magnitude * 10 ** places` as a whole number, rounded half to even from the exact value; `places` may be negative. */
export function scaledExactly(magnitude: number, places: number): bigint {
  const [mantissa, exponent] = decompose(magnitude);
  let top = mantissa;
  let bottom = 1n;
  if (places >= 0) top *= 10n ** BigInt(places);
  else bottom *= 10n ** BigInt(-places);
  if (exponent >= 0) top <<= BigInt(exponent);
  else bottom <<= BigInt(-exponent);
  const quotient = top / bottom;
  const twice = (top % bottom) * 2n;
  return twice > bottom || (twice === bottom && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

const view = new DataView(new ArrayBuffer(8));

/** A finite magnitude as a whole mantissa times a power of two. */
function decompose(magnitude: number): readonly [bigint, number] {
  view.setFloat64(0, magnitude);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return biased === 0 ? [fraction, -1074] : [fraction | 0x10000000000000n, biased - 1075];
}

/** Python's `round(x, places)` of a float: the decimal nearest to its exact value, ties to even. */
export function roundFloat(value: number, places: number): number {
  if (!Number.isFinite(value) || value === 0 || places > 323) return value;
  if (places < -309) return value < 0 ? -0 : 0;
  const scaled = scaledExactly(Math.abs(value), places);
  const rounded = Number(`${scaled}e${-places}`);
  return value < 0 ? -rounded : rounded;
}

/** Rounds to a whole float, halves to even. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return Object.is(floor, 0) && value < 0 ? -0 : keepSign(floor, value);
  if (rest > 0.5) return keepSign(floor + 1, value);
  return rest === 0.5 ? keepSign(floor % 2 === 0 ? floor : floor + 1, value) : value;
}

function keepSign(rounded: number, value: number): number {
  return rounded === 0 && (value < 0 || Object.is(value, -0)) ? -0 : rounded;
}
