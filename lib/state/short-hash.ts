import { createHash } from 'node:crypto';

/** Twenty hexadecimal digits that stand for a JSON value: a word of a key, whatever the value holds. */
export function shortHash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 20);
}
