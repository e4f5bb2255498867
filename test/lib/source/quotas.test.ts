import assert from 'node:assert/strict';
import { openQuotas } from '#lib/source/quotas.ts';

const NOON = Date.UTC(2026, 10, 21, 12);

describe('quotas', () => {
  it('let ten seconds’ worth through at once, and then the rate', () => {
    const quotas = openQuotas();
    const take = (atMs: number) => quotas.take('k', { signals_per_second: 2 }, 1, 1, atMs) === undefined;
    assert.equal(Array.from({ length: 30 }, () => take(NOON)).filter(Boolean).length, 20);
    assert.equal(Array.from({ length: 30 }, () => take(NOON + 1000)).filter(Boolean).length, 2);
    // A clock that goes back gives nothing anew.
    assert.equal(take(NOON - 60_000), false);
    assert.equal(Array.from({ length: 30 }, () => take(NOON + 600_000)).filter(Boolean).length, 20);
  });

  it('say when there is room again', () => {
    const quotas = openQuotas();
    const quota = { signals_per_second: 0.1 };
    assert.equal(quotas.take('k', quota, 1, 1, NOON), undefined);
    assert.deepEqual(quotas.take('k', quota, 1, 1, NOON), {
      rule: 'at most 0.1 signals a second',
      retryAfterSeconds: 10,
    });
  });

  it('count the bytes of a day of UTC, and what came that day before', () => {
    const quotas = openQuotas();
    const quota = { bytes_per_day: 100 };
    const start = { day: Math.floor(NOON / 86_400_000), dayBytes: 60 };
    assert.equal(quotas.take('k', quota, 1, 40, NOON, start), undefined);
    const exceeded = quotas.take('k', quota, 1, 1, NOON);
    assert.deepEqual(exceeded, { rule: 'at most 100 bytes a day', retryAfterSeconds: 12 * 3600 });
    assert.equal(quotas.take('k', quota, 1, 100, NOON + 12 * 3_600_000), undefined);
    assert.equal(quotas.take('another', quota, 1, 100, NOON), undefined);
  });

  it('let a batch through that is larger than the burst, when nothing was used', () => {
    const quotas = openQuotas();
    const quota = { signals_per_second: 1 };
    assert.equal(quotas.take('k', quota, 500, 1, NOON), undefined);
    assert.notEqual(quotas.take('k', quota, 1, 1, NOON + 60_000), undefined);
  });
});
