import assert from 'node:assert/strict';
import type { StateStore } from '#lib/state/state-store.ts';

/** What every driver of StateStore must do. */
export function testStateStore(open: () => Promise<StateStore>): void {
  let store: StateStore;
  let count = 0;
  /** A prefix of the test's own. */
  const fresh = () => `p${++count}`;
  const value = async (key: string) => (await store.load([key])).get(key);

  before(async () => {
    store = await open();
  });

  it('load has an entry for every key, also for those that were never written', async () => {
    const p = fresh();
    await store.save([{ key: `${p}.a`, value: { n: 1 }, revision: 0 }]);
    const found = await store.load([`${p}.a`, `${p}.b`]);
    assert.deepEqual([...found.keys()], [`${p}.a`, `${p}.b`]);
    assert.deepEqual(found.get(`${p}.a`)?.value, { n: 1 });
    assert.deepEqual(found.get(`${p}.b`), { value: undefined, revision: 0 });
    assert.equal((await store.load([])).size, 0);
    assert.equal((await store.load([`${p}.x`])).get(`${p}.x`)?.value, undefined);
  });

  it('save writes what was made of the revision that is there, and refuses what was not', async () => {
    const key = `${fresh()}.a`;
    assert.deepEqual(await store.save([{ key, value: 1, revision: 0 }]), ['written']);
    assert.deepEqual(await store.save([{ key, value: 2, revision: 0 }]), ['conflict']);
    const { revision = 0 } = (await value(key)) ?? {};
    assert.deepEqual(await store.save([{ key, value: 3, revision }]), ['written']);
    assert.deepEqual(await store.save([{ key, value: 4, revision }]), ['conflict']);
    assert.equal((await value(key))?.value, 3);
  });

  it('save tells each key for itself', async () => {
    const p = fresh();
    await store.save([{ key: `${p}.a`, value: 1, revision: 0 }]);
    const outcomes = await store.save([
      { key: `${p}.a`, value: 2, revision: 0 },
      { key: `${p}.b`, value: 2, revision: 0 },
    ]);
    assert.deepEqual(outcomes, ['conflict', 'written']);
  });

  it('save of nothing removes, and what was removed can be written again', async () => {
    const key = `${fresh()}.a`;
    await store.save([{ key, value: 1, revision: 0 }]);
    const { revision = 0 } = (await value(key)) ?? {};
    await store.save([{ key, value: undefined, revision }]);
    const removed = await value(key);
    assert.equal(removed?.value, undefined);
    assert.notEqual(removed?.revision, revision);
    assert.deepEqual(await store.save([{ key, value: 2, revision: removed?.revision ?? 0 }]), ['written']);
    assert.equal((await value(key))?.value, 2);
  });

  it('list has what lies below the prefix, and nothing that was removed', async () => {
    const p = fresh();
    assert.equal((await store.list(p)).size, 0);
    const keys = [`${p}.a.b`, `${p}.c`, `${p}x.d`, `${p}.gone`];
    await store.save(keys.map((key) => ({ key, value: { key }, revision: 0 })));
    const { revision = 0 } = (await value(`${p}.gone`)) ?? {};
    await store.save([{ key: `${p}.gone`, value: undefined, revision }]);
    const found = await store.list(p);
    assert.deepEqual([...found.keys()].sort(), [`${p}.a.b`, `${p}.c`]);
    assert.deepEqual(found.get(`${p}.c`), await value(`${p}.c`));
    const all = await store.list('');
    assert.ok(all.has(`${p}x.d`) && all.has(`${p}.c`) && !all.has(`${p}.gone`));
  });

  it('loads and saves a thousand keys', async () => {
    const p = fresh();
    const keys = Array.from({ length: 1200 }, (_, i) => `${p}.${i}`);
    await store.save(keys.map((key, i) => ({ key, value: i, revision: 0, ttlMs: 60_000 })));
    const found = await store.load([...keys, `${p}.none`]);
    assert.deepEqual(
      keys.map((key) => found.get(key)?.value),
      keys.map((_, i) => i),
    );
  });
}
