/** The deepest nesting that a signal may have. */
const MAX_DEPTH = 64;

/**
 * What a binary format decoded to, in the terms of JSON: maps as objects, times as ISO 8601 text, typed arrays as lists;
 * bytes stay bytes, and whole numbers beyond 2^53 big.
 */
export function jsonLike(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new Error(`it must nest at most ${MAX_DEPTH} levels`);
  if (typeof value !== 'object' || value === null) return value === undefined ? null : value;
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if (Array.isArray(value)) return value.map((item) => jsonLike(item, depth + 1));
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return value.valueOf();
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  // No prototype: a key named __proto__ is a key like others.
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, item] of entries) object[String(key)] = jsonLike(item, depth + 1);
  return object;
}
