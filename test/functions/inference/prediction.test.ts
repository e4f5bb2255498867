import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { parseTensor } from '#lib/tensor/tensor.ts';
import { classify } from '../../../functions/inference/prediction/classify.ts';
import { fitInput } from '../../../functions/inference/prediction/fit-input.ts';

const isRefused = (error: unknown) => error instanceof BoxError && error.code === 'invalid_argument';

describe('classify', () => {
  const spec = { name: 'scores', dtype: 'float32', shape: [1, 3], kind: 'tensor' } as const;
  const classOf = (scores: readonly number[]) =>
    classify(
      [{ spec, value: { dtype: 'float32', shape: [1, 3], data: Float32Array.from(scores) } }],
      ['a', 'b', 'c'],
    )[0];

  it('takes an infinite score for what it is: the highest', () => {
    assert.deepEqual(classOf([3, Number.POSITIVE_INFINITY, 5]), { class_label: 'b', probability: 1 });
    assert.deepEqual(classOf([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 5]), {
      class_label: 'c',
      probability: 1,
    });
    const { POSITIVE_INFINITY: inf } = Number;
    assert.deepEqual(classOf([0, inf, inf]), { class_label: 'b', probability: 0.5 });
  });
});

describe('booleans of a model', () => {
  it('are 0 and 1, also where they come as bytes', () => {
    const bytes = (...items: number[]) => ({
      dtype: 'bool',
      shape: [items.length],
      data: Buffer.from(items).toString('base64'),
    });
    assert.deepEqual(parseTensor(bytes(0, 1)).data, Uint8Array.of(0, 1));
    assert.throws(() => parseTensor(bytes(0, 2)), isRefused);
    const spec = { name: 'x', dtype: 'bool', shape: [2] } as const;
    const given = (dtype: string, ...items: number[]) => ({ ...bytes(...items), dtype });
    assert.throws(() => fitInput(given('uint8', 1, 255), spec, undefined), isRefused);
    assert.deepEqual(fitInput(given('uint8', 1, 0), spec, undefined).data, Uint8Array.of(1, 0));
  });
});
