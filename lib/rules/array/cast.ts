import type { Evaluation } from '../evaluation.ts';
import { PyError, valueError } from '../value/py-error.ts';
import { elementText } from '../value/scalar-text.ts';
import { type DType, TEXT } from './dtype.ts';
import { NdArray, numbersOf } from './ndarray.ts';

/** The array with another element type, as `astype` does. */
export function castTo(array: NdArray, dtype: DType, evaluation: Evaluation): NdArray {
  if (array.dtype === dtype) return array;
  evaluation.take(array.size);
  if (dtype === TEXT) {
    const texts = new Array<string>(array.size);
    for (let i = 0; i < array.size; i++) texts[i] = elementText(array.dtype, array.store[array.offset + i] as number);
    return new NdArray(TEXT, array.shape, texts);
  }
  const out = dtype.numbers(array.size);
  if (array.dtype === TEXT) {
    for (let i = 0; i < array.size; i++) out[i] = dtype.fit(numberOf(array.store[array.offset + i] as string));
    return new NdArray(dtype, array.shape, out);
  }
  const from = numbersOf(array);
  for (let i = 0; i < array.size; i++) out[i] = castNumber(from[array.offset + i] as number, array.dtype, dtype);
  return new NdArray(dtype, array.shape, out);
}

/** One number with another element type; floats lose their fraction on the way to integers. */
export function castNumber(value: number, from: DType, to: DType): number {
  if (from.kind !== 'float' || to.kind === 'float' || to.kind === 'bool') return to.fit(value);
  if (Number.isNaN(value)) throw valueError('cannot convert float NaN to integer');
  if (!Number.isFinite(value)) throw new PyError('OverflowError', `an integer cannot hold ${value}`);
  return to.fit(Math.trunc(value));
}

function numberOf(text: string): number {
  const number = Number(text.trim());
  if (text.trim() === '' || Number.isNaN(number))
    throw valueError(`could not convert string to a number: ${JSON.stringify(text.slice(0, 40))}`);
  return number;
}
