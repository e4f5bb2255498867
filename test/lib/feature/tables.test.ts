import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Signal } from '#lib/feature/signal.ts';
import { numberAt, parseTensor } from '#lib/tensor/tensor.ts';
import { featureOf } from './compile.ts';
import { audioSignal, bytesSignal, imageSignal, jsonSignal } from './plain-signal.ts';

interface Case {
  readonly title: string;
  readonly signal?: unknown;
  readonly base64?: string;
  readonly form?: 'image' | 'audio' | 'bytes';
  readonly params: Record<string, unknown>;
  readonly shape: readonly number[];
  readonly data: readonly (number | null)[];
  readonly tolerance?: number;
}

const OPEN = { image: imageSignal, audio: audioSignal, bytes: bytesSignal };

function signalOf({ signal, base64, form }: Case): Signal {
  if (base64 === undefined || form === undefined) return jsonSignal(signal);
  return OPEN[form](Buffer.from(base64, 'base64'));
}

/** Numbers as the dtype of the feature has them. */
function rounded(value: number, dtype: unknown): number {
  return dtype === undefined ? Math.fround(value) : value;
}

describe('features beside numpy, pandas, scikit-learn, Pillow and librosa', () => {
  for (const name of ['numbers', 'times', 'categories', 'texts', 'images', 'audio']) {
    const url = new URL(`tables/${name}.json`, import.meta.url);
    const cases = JSON.parse(readFileSync(url, 'utf8')) as Case[];
    for (const entry of cases) {
      it(`${name}: ${entry.title}`, async () => {
        const { params, shape, data, tolerance = 0 } = entry;
        const made = await featureOf(signalOf(entry), 'numpyarraytype', params);
        const tensor = parseTensor(made, { dtype: params.dtype === 'float64' ? 'float64' : 'float32' });
        assert.deepEqual(tensor.shape, shape);
        for (const [i, expected] of data.entries()) {
          const [got, wanted] = [numberAt(tensor, i), rounded(expected ?? Number.NaN, params.dtype)];
          const allowed = tolerance * Math.max(1, Math.abs(wanted));
          if (!(Math.abs(got - wanted) <= allowed)) assert.fail(`element ${i} must be ${wanted}, got ${got}`);
        }
      });
    }
  }
});
