import { type DType, FLOAT16, FLOAT32, float16Round } from '../array/dtype.ts';
import { floatText, type NarrowFloat, narrowFloatText } from './float-text.ts';

const SINGLE: NarrowFloat = { digits: 9, round: Math.fround, exponentFrom: 1e6 };
const HALF: NarrowFloat = { digits: 5, round: float16Round, exponentFrom: 1e3 };

/** One number of an array as text, in the digits that its type needs. */
export function elementText(dtype: DType, value: number): string {
  if (dtype.kind === 'bool') return value === 0 ? 'False' : 'True';
  if (dtype.kind !== 'float') return value.toFixed(0);
  if (dtype === FLOAT32) return narrowFloatText(value, SINGLE);
  return dtype === FLOAT16 ? narrowFloatText(value, HALF) : floatText(value);
}
