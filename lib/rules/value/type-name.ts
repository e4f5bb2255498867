import type { Value } from './value.ts';

/** The name of a value's type, as Python's `type(x).__name__` gives it. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'object') return value.typeName;
  if (typeof value === 'number' || typeof value === 'bigint') return 'int';
  return typeof value === 'boolean' ? 'bool' : 'str';
}
