import { type DType, FLOAT16, FLOAT32, float16Round } from '../array/dtype.ts';
import { float32Text, floatText, shortestFor } from './float-text.ts';

/** One number of an array as text, in the digits that its type needs. */
export function elementText(dtype: DType, value: number): string {
  if (dtype.kind === 'bool') return value === 0 ? 'False' : 'True';
  if (dtype.kind !== 'float') return value.toFixed(0);
  if (dtype === FLOAT32) return float32Text(value);
  return dtype === FLOAT16 ? shortestFor(value, 5, float16Round) : floatText(value);
}
