import assert from 'node:assert/strict';
import { allowedBytes, measuredBytes } from '../../../functions/inference/model/memory-budget.ts';

describe('memory of models', () => {
  it('is the budget as long as the process has little beside them', () => {
    assert.equal(allowedBytes(1000, 0, 100), 1000);
    assert.equal(allowedBytes(1000, 900, 1000), 1000);
  });

  it('is less where the process has more, down to half of the budget', () => {
    assert.equal(allowedBytes(1000, 300, 700), 700);
    assert.equal(allowedBytes(1000, 0, 700), 500);
    assert.equal(allowedBytes(100, 0, 100_000), 50);
  });

  it('is never measured as less than the weights', () => {
    assert.ok(measuredBytes(-5000, 1_000_000) > 1_000_000);
    assert.equal(measuredBytes(50_000_000, 1_000_000), 50_000_000);
  });
});
