import { BoxError } from '#lib/error/box-error.ts';

const MAX_LENGTH = 200;

/**
 * Checks the name of a source, which becomes the tail of the signal's subject.
 *
 * @throws BoxError `invalid_argument` for what cannot be one.
 */
export function checkSourceName(name: string): void {
  if (name.length <= MAX_LENGTH && /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(name)) return;
  throw new BoxError(
    'invalid_argument',
    `Cannot take signal: a source is at most ${MAX_LENGTH} letters, digits, dashes and underscores, in words joined by dots; got ${JSON.stringify(name.slice(0, 60))}`,
  );
}
