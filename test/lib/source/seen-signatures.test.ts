import assert from 'node:assert/strict';
import { BEGUN_MS, type SeenSignatures, seenSignaturesIn } from '#lib/source/seen-signatures.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';

describe('SeenSignatures', () => {
  let nowMs: number;
  let seen: SeenSignatures;

  beforeEach(() => {
    nowMs = 1_700_000_000_000;
    seen = seenSignaturesIn(openMemoryStateStore(), () => nowMs);
  });

  it('take is for one taker, who may ask again', async () => {
    assert.equal(await seen.take('kiln', '1', 'seq.7'), true);
    assert.equal(await seen.take('kiln', '1', 'seq.7'), true);
    assert.equal(await seen.take('kiln', '1', 'seq.8'), false);
    assert.equal(await seen.begin('kiln', '1'), 'replayed');
    assert.equal(await seen.take('oven', '1', 'seq.8'), true);
  });

  it('what is stored is taken for good, what was given back may come again', async () => {
    assert.equal(await seen.begin('kiln', '1'), 'begun');
    await seen.keep('kiln', '1');
    nowMs += 2 * BEGUN_MS;
    assert.equal(await seen.begin('kiln', '1'), 'replayed');
    assert.equal(await seen.take('kiln', '1', 'seq.7'), false);
    assert.equal(await seen.begin('kiln', '2'), 'begun');
    await seen.giveBack('kiln', '2');
    assert.equal(await seen.begin('kiln', '2'), 'begun');
  });

  it('what was begun and never stored may come again after a while, through either door', async () => {
    for (const id of ['1', '2']) assert.equal(await seen.begin('kiln', id), 'begun');
    assert.equal(await seen.begin('kiln', '1'), 'busy');
    assert.equal(await seen.take('kiln', '1', 'seq.7'), false);
    nowMs += BEGUN_MS + 1;
    assert.equal(await seen.begin('kiln', '1'), 'begun');
    assert.equal(await seen.take('kiln', '2', 'seq.7'), true);
  });
});
