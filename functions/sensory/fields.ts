import { BoxError } from '#lib/error/box-error.ts';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * A request's JSON as an object.
 *
 * @throws BoxError `invalid_argument` for anything else.
 */
export function fieldsOf(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw refused('the request', 'it must be a JSON object', value);
}

/** A whole number within bounds. */
export function wholeNumber(fields: Fields, name: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const upTo = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw refused(name, `it must be a whole number ${upTo}`, value);
}

/** A number from 0 to 1. */
export function probability(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && value >= 0 && value <= 1) return value;
  throw refused(name, 'it must be a number from 0 to 1', value);
}

/** Bytes in base64, in the strict alphabet, padded or not; line breaks are taken as some encoders make them. */
export function base64Bytes(fields: Fields, name: string): Buffer {
  const value = fields[name];
  if (typeof value !== 'string') throw refused(name, 'it must be text in base64', value);
  const text = value.replace(/[\r\n]/g, '');
  if (text === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) {
    throw refused(name, 'it must be base64 and not empty', value.slice(0, 20));
  }
  return Buffer.from(text, 'base64');
}

export function refused(name: string, rule: string, value: unknown): BoxError {
  const shown = value === undefined ? 'nothing' : (JSON.stringify(value)?.slice(0, 60) ?? typeof value);
  return new BoxError('invalid_argument', `Cannot read ${name}: ${rule}, got ${shown}`);
}
