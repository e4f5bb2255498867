import assert from 'node:assert/strict';
import type { ScenarioChange, ScenarioFeed, ScenarioStore } from '#lib/scenario/scenario-store.ts';
import { recordOf, scenarioOf } from '../../support/scenario.ts';

export interface OpenedStore {
  readonly store: ScenarioStore;
  readonly feed: ScenarioFeed;
  /** The most revisions that the store keeps of a scenario. */
  readonly maxRevisions: number;
  close(): Promise<void>;
}

/** What every ScenarioStore and its ScenarioFeed do, whatever keeps the scenarios. */
export function describeScenarioStore(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name}, a ScenarioStore`, () => {
    let opened: OpenedStore;
    let store: ScenarioStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });

    afterEach(() => opened.close());

    it('hands back what was put, by id and in the list', async () => {
      const [b, a] = [recordOf('b', scenarioOf('b')), recordOf('a', scenarioOf('a'))];
      assert.equal(await store.get('a'), undefined);
      assert.deepEqual(await store.list(), []);
      await store.put(b, undefined);
      await store.put(a, undefined);
      assert.deepEqual(await store.get('a'), a);
      assert.deepEqual(await store.list(), [a, b]);
    });

    it('refuses to put over a scenario that is not as expected', async () => {
      const first = recordOf('a', scenarioOf('a'), '1-a');
      const second = recordOf('a', scenarioOf('a'), '2-b');
      await assert.rejects(store.put(second, '1-a'), { code: 'conflict' });
      await store.put(first, undefined);
      await assert.rejects(store.put(second, undefined), { code: 'conflict' });
      await assert.rejects(store.put(second, '1-x'), { code: 'conflict' });
      await store.put(second, '1-a');
      assert.deepEqual(await store.get('a'), second);
    });

    it('lets one of two who put at the same time win', async () => {
      const before = recordOf('a', scenarioOf('a'), '1-a');
      await store.put(before, undefined);
      const puts = await Promise.allSettled(
        ['2-b', '2-c', '2-d'].map((rev) => store.put(recordOf('a', scenarioOf('a'), rev), '1-a')),
      );
      assert.equal(puts.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const put of puts) if (put.status === 'rejected') assert.equal(put.reason.code, 'conflict');
    });

    it('keeps revisions after they were replaced, and after the scenario was removed', async () => {
      const first = recordOf('a', scenarioOf('a'), '1-a');
      const second = recordOf('a', scenarioOf('b'), '2-b');
      await store.put(first, undefined);
      await store.put(second, '1-a');
      await store.delete('a', '2-b');
      assert.deepEqual(await store.getRevision('a', '1-a'), first);
      assert.deepEqual(await store.getRevision('a', '2-b'), second);
      assert.equal(await store.getRevision('a', '3-c'), undefined);
      assert.equal(await store.getRevision('b', '1-a'), undefined);
    });

    it('keeps the last revisions and drops older ones, by number and not by letters', async () => {
      const last = opened.maxRevisions + 2;
      for (let n = 1; n <= last; n++) {
        await store.put(recordOf('a', scenarioOf('a'), `${n}-x`), n === 1 ? undefined : `${n - 1}-x`);
      }
      assert.equal(await store.getRevision('a', '2-x'), undefined);
      assert.equal((await store.getRevision('a', '3-x'))?.rev, '3-x');
      assert.equal((await store.getRevision('a', `${last}-x`))?.rev, `${last}-x`);
    });

    it('changes what is not part of the revision', async () => {
      const record = recordOf('a', scenarioOf('a'));
      await store.put(record, undefined);
      await store.put({ ...record, paused: true }, record.rev);
      assert.equal((await store.get('a'))?.paused, true);
    });

    it('removes a scenario that is as expected, and takes it anew', async () => {
      const record = recordOf('a', scenarioOf('a'));
      await assert.rejects(store.delete('a', '1-a'), { code: 'not_found' });
      await store.put(record, undefined);
      await assert.rejects(store.delete('a', '1-x'), { code: 'conflict' });
      await store.delete('a', '1-a');
      assert.equal(await store.get('a'), undefined);
      assert.deepEqual(await store.list(), []);
      await store.put({ ...record, rev: '1-b' }, undefined);
      assert.equal((await store.get('a'))?.rev, '1-b');
    });

    it('tells scenarios apart of which one id begins with the other', async () => {
      await store.put(recordOf('a', scenarioOf('a'), '1-a'), undefined);
      await store.put(recordOf('a-b', scenarioOf('b'), '1-b'), undefined);
      assert.equal(await store.getRevision('a', '1-b'), undefined);
      assert.equal((await store.get('a'))?.rev, '1-a');
    });
  });

  describe(`${name}, a ScenarioFeed`, () => {
    let opened: OpenedStore;
    let abort: AbortController;
    let following: AsyncIterator<ScenarioChange | 'caught-up'>;

    beforeEach(async () => {
      opened = await open();
      abort = new AbortController();
      following = opened.feed.follow(abort.signal)[Symbol.asyncIterator]();
    });

    afterEach(async () => {
      abort.abort();
      assert.equal((await following.next()).done, true);
      await opened.close();
    });

    const next = async () => (await following.next()).value;

    it('tells what is there, then that it caught up, then what changes', async () => {
      const a = recordOf('a', scenarioOf('a'));
      const b = recordOf('b', scenarioOf('b'));
      await opened.store.put(a, undefined);
      await opened.store.put(b, undefined);
      assert.deepEqual(await next(), { id: 'a', record: a });
      assert.deepEqual(await next(), { id: 'b', record: b });
      assert.equal(await next(), 'caught-up');

      const replaced = { ...a, rev: '2-b' };
      await opened.store.put(replaced, '1-a');
      assert.deepEqual(await next(), { id: 'a', record: replaced });
      await opened.store.put({ ...replaced, paused: true }, '2-b');
      assert.deepEqual(await next(), { id: 'a', record: { ...replaced, paused: true } });
      await opened.store.delete('b', '1-a');
      assert.deepEqual(await next(), { id: 'b', record: undefined });
    });

    it('waits for a change when there is nothing', async () => {
      assert.equal(await next(), 'caught-up');
      const waiting = next();
      const a = recordOf('a', scenarioOf('a'));
      await opened.store.put(a, undefined);
      assert.deepEqual(await waiting, { id: 'a', record: a });
    });

    it('tells the last state of what changed often', async () => {
      assert.equal(await next(), 'caught-up');
      for (let n = 1; n <= 5; n++) {
        await opened.store.put(recordOf('a', scenarioOf('a'), `${n}-x`), n === 1 ? undefined : `${n - 1}-x`);
      }
      for (let seen = ''; seen !== '5-x'; ) {
        const change = await next();
        assert.ok(typeof change === 'object');
        seen = change.record?.rev ?? '';
      }
    });

    it('ends when it is told to, while it waits', async () => {
      assert.equal(await next(), 'caught-up');
      const waiting = following.next();
      abort.abort();
      assert.equal((await waiting).done, true);
    });
  });
}
