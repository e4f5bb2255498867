import assert from 'node:assert/strict';
import { counts, isComplete, type Order, splitOrder } from '../../../../functions/sensory/order/order.ts';

function order(published: number, tries: number[]): Order {
  const shards = [{ from: 0, size: 1000, published, tries }];
  return { id: 'x', dataset: 'd_8x8', seq: 1, size: 1000, noise: 0, shards, createdAt: '2026-11-21T00:00:00Z' };
}

describe('splitOrder', () => {
  it('makes shards of the size, with a tail', () => {
    const sizes = (size: number, shard: number) => splitOrder(size, shard).map(({ from, size }) => [from, size]);
    assert.deepEqual(sizes(3, 5), [[0, 3]]);
    assert.deepEqual(sizes(10, 5), [
      [0, 5],
      [5, 5],
    ]);
    assert.deepEqual(sizes(11, 5), [
      [0, 5],
      [5, 5],
      [10, 1],
    ]);
  });
});

describe('counts', () => {
  const at = (place: number, attempt: number) => ({ shard: 0, place, attempt });

  it('takes what is recorded', () => {
    assert.equal(counts(order(500, [0]), at(499, 1)), 'yes');
  });

  it('waits for what is not recorded yet', () => {
    assert.equal(counts(order(500, [0]), at(500, 1)), 'not-yet');
    assert.equal(counts(order(0, []), at(0, 1)), 'not-yet');
  });

  it('drops what an earlier try published beyond its record, also once the later try recorded it', () => {
    assert.equal(counts(order(500, [0, 500]), at(500, 1)), 'never');
    assert.equal(counts(order(1000, [0, 500]), at(500, 1)), 'never');
    assert.equal(counts(order(1000, [0, 500]), at(500, 2)), 'yes');
    assert.equal(counts(order(1000, [0, 500]), at(499, 1)), 'yes');
  });

  it('drops what is of no shard of the order', () => {
    assert.equal(counts(order(1000, [0]), { shard: 3, place: 0, attempt: 1 }), 'never');
    assert.equal(counts(order(1000, [0]), { shard: Number.NaN, place: Number.NaN, attempt: Number.NaN }), 'never');
  });
});

describe('isComplete', () => {
  it('holds when all is recorded', () => {
    assert.equal(isComplete(order(999, [0])), false);
    assert.equal(isComplete(order(1000, [0])), true);
  });
});
