import { BoxError } from '#lib/error/box-error.ts';

/** A dataset: pictures of one size under one name. */
export interface DatasetName {
  readonly name: string;
  readonly width: number;
  readonly height: number;
}

const MAX_NAME_BYTES = 100;
const MAX_SIDE = 8192;
const FORBIDDEN = /[/\\\p{Cc}\p{Cs}]/u;

/**
 * Checks a name that becomes one folder or file of the bucket.
 *
 * @throws BoxError `invalid_argument` for what could leave its folder, hide in it or not be written there.
 */
export function checkName(what: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw refused(what, 'it must be text and not empty', value);
  if (FORBIDDEN.test(value)) throw refused(what, 'it must hold no slash, backslash or control character', value);
  if (value.startsWith('.')) throw refused(what, 'it must not begin with a dot', value);
  if (value.trim() !== value) throw refused(what, 'it must not begin or end with white space', value);
  if (Buffer.byteLength(value) > MAX_NAME_BYTES) {
    throw refused(what, `it may have ${MAX_NAME_BYTES} bytes at most`, `${Buffer.byteLength(value)} bytes`);
  }
  return value;
}

/**
 * Checks the width or height of a dataset.
 *
 * @throws BoxError `invalid_argument` for anything but a whole number from 1 to 8192.
 */
export function checkSide(what: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_SIDE) {
    throw refused(what, `it must be a whole number from 1 to ${MAX_SIDE}`, value);
  }
  return value;
}

/** The dataset's folder: `<name>_<width>x<height>`, as old dataset folders are named. */
export function datasetFolder({ name, width, height }: DatasetName): string {
  return `${name}_${width}x${height}`;
}

/**
 * The dataset of a folder's name.
 *
 * @throws BoxError `invalid_argument` when it is not of the form `<name>_<width>x<height>`.
 */
export function parseDatasetFolder(value: unknown): DatasetName {
  const match = typeof value === 'string' ? /^(.+)_([1-9]\d{0,3})x([1-9]\d{0,3})$/su.exec(value) : null;
  if (!match) throw refused('dataset', 'it must be of the form NAME_WIDTHxHEIGHT', value);
  return {
    name: checkName('name', match[1]),
    width: checkSide('width', Number(match[2])),
    height: checkSide('height', Number(match[3])),
  };
}

function refused(what: string, rule: string, value: unknown): BoxError {
  const shown = JSON.stringify(value)?.slice(0, 60) ?? 'nothing';
  return new BoxError('invalid_argument', `Cannot take ${what}: ${rule}, got ${shown}`);
}
