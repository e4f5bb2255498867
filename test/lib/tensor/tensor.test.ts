import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import { fromFloat16Bits, toFloat16Bits } from '#lib/tensor/float16.ts';
import { numericFromBytes, parseTensor, tensorBytes, toNested, toWire } from '#lib/tensor/tensor.ts';

function refused(code: string, pattern: RegExp) {
  return (error: unknown) => error instanceof BoxError && error.code === code && pattern.test(error.message);
}

describe('parseTensor', () => {
  it('reads nested lists with their shape', () => {
    const tensor = parseTensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    assert.equal(tensor.dtype, 'float32');
    assert.deepEqual(tensor.shape, [2, 3]);
    assert.deepEqual([...tensor.data], [1, 2, 3, 4, 5, 6]);
  });

  it('reads a scalar as a tensor of no dimension', () => {
    const tensor = parseTensor(7, { dtype: 'int32' });
    assert.deepEqual(tensor, { dtype: 'int32', shape: [], data: Int32Array.of(7) });
    assert.equal(toNested(tensor), 7);
  });

  it('reads empty lists', () => {
    assert.deepEqual(parseTensor([]).shape, [0]);
    assert.deepEqual(parseTensor([[], []]).shape, [2, 0]);
    assert.deepEqual(toNested(parseTensor([[], []])), [[], []]);
  });

  it('reads text and booleans by what they are', () => {
    assert.deepEqual(parseTensor(['a', 'b']), { dtype: 'string', shape: [2], data: ['a', 'b'] });
    assert.deepEqual(toNested(parseTensor([true, false])), [true, false]);
  });

  it('takes null for a float that is missing and for nothing else', () => {
    assert.ok(Number.isNaN(parseTensor([null]).data[0]));
    assert.throws(() => parseTensor([null], { dtype: 'int32' }), refused('invalid_argument', /whole number|number/));
  });

  it('keeps 64-bit integers exact', () => {
    const text = '9007199254740993';
    const tensor = parseTensor([text], { dtype: 'int64' });
    assert.equal(tensor.data[0], 9007199254740993n);
    assert.deepEqual(toNested(tensor), [text]);
    assert.throws(
      () => parseTensor(['9223372036854775808'], { dtype: 'int64' }),
      refused('invalid_argument', /64 bits/),
    );
  });

  it('refuses ragged lists and says where', () => {
    assert.throws(
      () => parseTensor([[1, 2], [3]]),
      refused('invalid_argument', /level 1 must be equally long \(2\), got 1/),
    );
    assert.throws(() => parseTensor([[1], 2]), refused('invalid_argument', /equally deep/));
    assert.throws(() => parseTensor([1, [2]]), refused('invalid_argument', /equally deep/));
  });

  it('refuses integers out of range and fractions', () => {
    assert.throws(() => parseTensor([256], { dtype: 'uint8' }), refused('invalid_argument', /from 0 to 255, got 256/));
    assert.throws(() => parseTensor([1.5], { dtype: 'int32' }), refused('invalid_argument', /whole number/));
  });

  it('takes whole numbers that were read with all their digits for floats too', () => {
    assert.deepEqual(parseTensor([2n ** 64n, 1], { dtype: 'float32' }).data, Float32Array.of(2 ** 64, 1));
  });

  it('bounds the number of elements', () => {
    assert.throws(() => parseTensor({ dtype: 'uint8', shape: [1e9], data: '' }), refused('too_large', /at most/));
    assert.throws(() => parseTensor([1, 2, 3], { maxElements: 2 }), refused('too_large', /at most 2/));
    // No element, but a billion lists of none.
    const empty = { dtype: 'float32', shape: [1e9, 0], data: '' };
    assert.throws(() => parseTensor(empty), refused('too_large', /at most/));
    assert.deepEqual(toNested(parseTensor({ ...empty, shape: [2, 0] })), [[], []]);
  });

  it('reads what toWire writes, for every numeric dtype', () => {
    for (const dtype of [
      'bool',
      'uint8',
      'int16',
      'uint32',
      'float16',
      'float32',
      'float64',
      'int64',
      'uint64',
    ] as const) {
      const tensor = parseTensor([[0, 1]], { dtype });
      assert.deepEqual(parseTensor(toWire(tensor)), tensor, dtype);
    }
    const strings = parseTensor([['a'], ['b']]);
    assert.deepEqual(parseTensor(toWire(strings)), strings);
  });

  it('refuses bytes that the shape does not fit', () => {
    const wire = { dtype: 'float32', shape: [3], data: Buffer.alloc(8).toString('base64') };
    assert.throws(() => parseTensor(wire), refused('invalid_argument', /are 12 bytes, got 8/));
    assert.throws(() => parseTensor({ ...wire, shape: [-1] }), refused('invalid_argument', /shape/));
    assert.throws(() => parseTensor({ ...wire, dtype: 'complex64' }), refused('invalid_argument', /dtype/));
  });

  it('copies bytes, so that a pooled buffer cannot change under a tensor', () => {
    const bytes = Buffer.from([1, 2, 3, 4]);
    const data = numericFromBytes('uint8', bytes, 4);
    bytes.fill(9);
    assert.deepEqual([...tensorBytes(data)], [1, 2, 3, 4]);
  });
});

describe('float16', () => {
  it('converts the values that IEEE 754 names', () => {
    const table: [number, number][] = [
      [0, 0x0000],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [2 ** -14, 0x0400],
      [2 ** -24, 0x0001],
      [Number.POSITIVE_INFINITY, 0x7c00],
      [Number.NEGATIVE_INFINITY, 0xfc00],
    ];
    for (const [value, bits] of table) {
      assert.equal(toFloat16Bits(value), bits, String(value));
      assert.ok(Object.is(fromFloat16Bits(bits), value), String(value));
    }
    assert.ok(Number.isNaN(fromFloat16Bits(toFloat16Bits(Number.NaN))));
  });

  it('rounds to nearest, ties to even, and overflows to infinity', () => {
    assert.equal(fromFloat16Bits(toFloat16Bits(1 + 2 ** -11)), 1);
    assert.equal(fromFloat16Bits(toFloat16Bits(1 + 3 * 2 ** -11)), 1 + 2 ** -9);
    assert.equal(fromFloat16Bits(toFloat16Bits(65520)), Number.POSITIVE_INFINITY);
    assert.equal(fromFloat16Bits(toFloat16Bits(2 ** -26)), 0);
  });

  it('rounds once: what lies a hair beside the middle of two goes to the nearer one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [fromFloat16Bits(bits), fromFloat16Bits(bits + 1)];
      const middle = (low + high) / 2;
      for (const sign of [1, -1]) {
        const mark = sign < 0 ? 0x8000 : 0;
        assert.equal(toFloat16Bits(sign * middle * (1 + 2 ** -52)), mark | (bits + 1));
        assert.equal(toFloat16Bits(sign * middle * (1 - 2 ** -52)), mark | bits);
        assert.equal(toFloat16Bits(sign * middle), mark | (bits % 2 === 0 ? bits : bits + 1));
      }
    }
    assert.equal(toFloat16Bits(-(10 ** 300)), 0xfc00);
    assert.equal(toFloat16Bits(-(10 ** -300)), 0x8000);
    assert.equal(toFloat16Bits(65520 - 2 ** -30), 0x7bff);
  });

  it('gives back each of the 65,536 bit patterns', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromFloat16Bits(bits);
      if (!Number.isNaN(value)) assert.equal(toFloat16Bits(value), bits);
    }
  });
});
