import { ARRAY_OF } from '#lib/tensor/dtype.ts';
import { toFloat16Bits } from '#lib/tensor/float16.ts';
import { elementCount, type Tensor } from '#lib/tensor/tensor.ts';
import type { InputSpec } from './model.ts';

/** What a dynamic dimension is taken for in a dry run, when nothing says more: some graphs need room for a kernel. */
export const DYNAMIC_SIZES = [1, 16, 224] as const;

/**
 * Sizes for every dimension of an input: the model's own; for a dynamic one that of `declared` when it gives a number
 * there; else `dynamic`. `rows` is the size of a dynamic first dimension.
 */
export function sampleShape(
  spec: InputSpec,
  rows: number,
  dynamic: number,
  declared: readonly (number | string | null)[] | undefined,
): number[] {
  const wanted = spec.shape ?? declared ?? [rows];
  return wanted.map((size, i) => {
    if (typeof size === 'number' && size >= 0 && !(spec.shape === undefined && i === 0)) return size;
    if (i === 0) return rows;
    const known = declared?.length === wanted.length ? declared[i] : undefined;
    return typeof known === 'number' && known > 0 ? known : dynamic;
  });
}

/** A tensor of zeros; of empty text for strings. */
export function zeros(spec: InputSpec, shape: readonly number[]): Tensor {
  const count = elementCount(shape);
  if (spec.dtype === 'string') return { dtype: 'string', shape, data: new Array<string>(count).fill('') };
  return { dtype: spec.dtype, shape, data: new ARRAY_OF[spec.dtype](count) };
}

/**
 * A tensor of small numbers that differ from element to element, the same ones every time: fractions from 0 to 1, or
 * 0 and 1 where only whole numbers will do, since those may stand for places in a table.
 */
export function varied(spec: InputSpec, shape: readonly number[]): Tensor {
  const tensor = zeros(spec, shape);
  const { data } = tensor;
  if (!ArrayBuffer.isView(data)) return tensor;
  let state = 12_345;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const fraction = state / 0x7fffffff;
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = fraction > 0.5 ? 1n : 0n;
    else if (spec.dtype === 'float16') data[i] = toFloat16Bits(fraction);
    else data[i] = spec.dtype.startsWith('float') ? fraction : Math.round(fraction);
  }
  return tensor;
}
