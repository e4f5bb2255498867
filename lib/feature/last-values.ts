import { shown } from './given.ts';
import { fault, MAX_LISTS, type Value } from './value.ts';

/** What the features of a source were made of last, for params with `missing: "last"`. */
export interface LastValues {
  /** Undefined for nothing yet. */
  get(feature: string): unknown;
  /** `isFilled`: something of it was missing, and was taken from what `get` gave. */
  put(feature: string, value: unknown, isFilled: boolean): void;
}

/** The longest value that is kept, as JSON. */
const MAX_LENGTH = 8192;

/** The value with what is missing taken from the last one: all of it, or what is null in its lists. Keeps what comes of that. */
export function filledByLast(
  found: Value | undefined,
  feature: string,
  last: LastValues | undefined,
): Value | undefined {
  if (last === undefined) throw fault('must be in the signal: nothing is kept here');
  if (found !== undefined && found.kind !== 'json' && found.kind !== 'texts') return found;
  const json = found?.kind === 'texts' ? found.data[0] : found?.json;
  const before = last.get(feature);
  if (found === undefined && before === undefined)
    throw fault('must be in the signal, or in one before it of its source');
  const isFilled = hasNull(json);
  const value = isFilled ? withLast(json, before) : json;
  checkKept(value);
  last.put(feature, value, isFilled);
  return found?.kind === 'texts' ? found : { kind: 'json', json: value };
}

function hasNull(json: unknown, depth = 0): boolean {
  if (depth > MAX_LISTS) throw fault(`must nest at most ${MAX_LISTS} lists deep`);
  return json === null || json === undefined || (Array.isArray(json) && json.some((item) => hasNull(item, depth + 1)));
}

/** Nulls in a list are filled by what stood at their place. */
function withLast(json: unknown, before: unknown): unknown {
  if (json === null || json === undefined) {
    if (before !== undefined) return before;
    throw fault('must have no null that no signal before it of its source had a value for');
  }
  if (!Array.isArray(json)) return json;
  const list: readonly unknown[] = Array.isArray(before) && before.length === json.length ? before : [];
  return json.map((item, i) => withLast(item, list[i]));
}

function checkKept(value: unknown): void {
  const length = JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === 'string' || typeof item === 'boolean' || Array.isArray(item)) return item;
    if (typeof item === 'number' && Number.isFinite(item)) return item;
    throw fault(`must be text or finite numbers to be kept for missing: "last", got ${shown(item)}`);
  }).length;
  if (length > MAX_LENGTH) throw fault(`must have at most ${MAX_LENGTH} characters as JSON to be kept, got ${length}`);
}
