import type { Dtype } from '#lib/tensor/dtype.ts';

/** The numbers of the format's element types that have a dtype of ours. */
const DTYPE_OF: Readonly<Record<number, Dtype>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
};

/** Element types without a dtype of ours: what they are called, and which of ours holds every value of theirs. */
const FOREIGN: Readonly<Record<number, { readonly name: string; readonly widened: Dtype }>> = {
  16: { name: 'bfloat16', widened: 'float32' },
  17: { name: 'float8e4m3fn', widened: 'float32' },
  18: { name: 'float8e4m3fnuz', widened: 'float32' },
  19: { name: 'float8e5m2', widened: 'float32' },
  20: { name: 'float8e5m2fnuz', widened: 'float32' },
  21: { name: 'uint4', widened: 'uint8' },
  22: { name: 'int4', widened: 'int8' },
};

export const FLOAT32 = 1;
export const INT64 = 7;
export const STRING = 8;

/** The dtype of a format's element type; undefined for one that we have no array for. */
export function dtypeOf(elementType: number): Dtype | undefined {
  return DTYPE_OF[elementType];
}

/** The number of a dtype's element type. */
export function elementTypeOf(dtype: Dtype): number {
  return Number(Object.entries(DTYPE_OF).find(([, name]) => name === dtype)?.[0]);
}

/** The dtype that holds every value of an element type that has none of its own; undefined for an unknown type. */
export function widenedDtype(elementType: number): Dtype | undefined {
  return FOREIGN[elementType]?.widened;
}

/** What people call an element type. */
export function elementTypeName(elementType: number): string {
  return DTYPE_OF[elementType] ?? FOREIGN[elementType]?.name ?? `element type ${elementType}`;
}
