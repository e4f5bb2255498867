import { asIndex } from './index.ts';
import { typeError, valueError } from './py-error.ts';
import type { PySlice, Value } from './value.ts';

/** What a slice takes of a sequence: `count` items from `start`, `step` apart. */
export interface SliceRange {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** A slice held against a length, as Python's `slice.indices` does. */
export function sliceRange(slice: PySlice, length: number): SliceRange {
  const step = bound(slice.step) ?? 1;
  if (step === 0) throw valueError('slice step cannot be zero');
  const first = step > 0 ? 0 : -1;
  const last = step > 0 ? length : length - 1;
  const start = clamp(bound(slice.lower), length, first, last) ?? (step > 0 ? 0 : length - 1);
  const stop = clamp(bound(slice.upper), length, first, last) ?? (step > 0 ? length : -1);
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) };
}

function bound(value: Value): number | undefined {
  if (value === null) return undefined;
  const index = asIndex(value);
  if (index === undefined) throw typeError('slice indices must be integers or None or have an __index__ method');
  return index;
}

function clamp(index: number | undefined, length: number, low: number, high: number): number | undefined {
  if (index === undefined) return undefined;
  return Math.min(Math.max(index < 0 ? index + length : index, low), high);
}
