import assert from 'node:assert/strict';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { testStateStore } from './state-store-contract.ts';

describe('StateStore in memory', () => {
  testStateStore(async () => openMemoryStateStore());

  it('lets go of what was written with a TTL, and keeps its revision', async () => {
    let now = 0;
    const store = openMemoryStateStore(() => now);
    await store.save([{ key: 'a', value: 1, revision: 0, ttlMs: 10 }]);
    now = 9;
    assert.equal((await store.load(['a'])).get('a')?.value, 1);
    now = 10;
    assert.deepEqual((await store.load(['a'])).get('a'), { value: undefined, revision: 1 });
  });
});
