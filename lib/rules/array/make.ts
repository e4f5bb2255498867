import type { Evaluation } from '../evaluation.ts';
import { PyError, valueError } from '../value/py-error.ts';
import { type DType, settle } from './dtype.ts';
import { NdArray, sizeOf } from './ndarray.ts';

/** `np.zeros` and `np.ones`. The budget is asked before the memory is. */
export function filled(shape: readonly number[], dtype: DType, value: 0 | 1, evaluation: Evaluation): NdArray {
  if (shape.some((length) => length < 0)) throw valueError('negative dimensions are not allowed');
  evaluation.take(sizeOf(shape));
  if (dtype.kind === 'text') {
    const texts = new Array<string>(sizeOf(shape)).fill(value === 0 ? '' : '1');
    return new NdArray(dtype, shape, texts);
  }
  const out = dtype.numbers(sizeOf(shape));
  if (value !== 0) out.fill(value);
  return new NdArray(dtype, shape, out);
}

/** `np.arange`: from `start` to before `stop`. */
export function arange(start: number, stop: number, step: number, dtype: DType, evaluation: Evaluation): NdArray {
  if (step === 0) throw new PyError('ZeroDivisionError', 'division by zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (Number.isNaN(length)) throw valueError('arange: cannot compute length');
  evaluation.take(length);
  const out = dtype.numbers(length);
  const delta = dtype.fit(start + step) - dtype.fit(start);
  for (let i = 0; i < length; i++) out[i] = start + i * delta;
  settle(dtype, out);
  return new NdArray(dtype, [length], out);
}

/** `np.linspace`: `count` numbers at equal distances, the last one included where asked. */
export function linspace(
  start: number,
  stop: number,
  count: number,
  endpoint: boolean,
  dtype: DType,
  evaluation: Evaluation,
): NdArray {
  if (count < 0) throw valueError(`Number of samples, ${count}, must be non-negative.`);
  evaluation.take(count);
  const gaps = endpoint ? count - 1 : count;
  const out = dtype.numbers(count);
  const step = (stop - start) / gaps;
  for (let i = 0; i < count; i++) {
    const offset = gaps <= 0 ? i * (stop - start) : step === 0 ? (i / gaps) * (stop - start) : i * step;
    const value = start + offset;
    out[i] = dtype.isInteger ? Math.floor(value) : value;
  }
  if (endpoint && count > 1) out[count - 1] = dtype.isInteger ? Math.floor(stop) : stop;
  settle(dtype, out);
  return new NdArray(dtype, [count], out);
}
