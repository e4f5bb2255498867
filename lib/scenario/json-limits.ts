import type { Problem } from '../error/box-error.ts';

/** How deep a scenario's JSON may nest; the format itself needs nine levels, feature_params a few more. */
const MAX_DEPTH = 32;

/**
 * What no document of ours may hold, wherever it stands: nesting that would exhaust the stack of those who walk it
 * later, and keys that reach an object's prototype when they are copied.
 */
export function jsonLimitProblems(value: unknown): Problem[] {
  const problems: Problem[] = [];
  const waiting: { value: unknown; pointer: string; depth: number }[] = [{ value, pointer: '', depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value: item, pointer, depth } = next;
    if (typeof item !== 'object' || item === null) continue;
    if (depth === MAX_DEPTH) {
      // One is enough: a bomb would otherwise be answered with another.
      return [{ pointer, message: `must not nest deeper than ${MAX_DEPTH} levels` }];
    }
    for (const [key, child] of Object.entries(item)) {
      const childPointer = `${pointer}/${pointerToken(key)}`;
      if (key === '__proto__') problems.push({ pointer: childPointer, message: 'must not be named __proto__' });
      else waiting.push({ value: child, pointer: childPointer, depth: depth + 1 });
    }
  }
  return problems;
}

/** A key as one token of a JSON pointer (RFC 6901). */
export function pointerToken(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
