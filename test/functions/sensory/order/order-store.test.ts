import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Order, splitOrder, stateOf, withShard } from '../../../../functions/sensory/order/order.ts';
import { type OrderStore, openOrderStore } from '../../../../functions/sensory/order/order-store.ts';
import { openTestDatabase, type TestDatabase } from '../../../support/couchdb-database.ts';

const SHARDS = 24;

describe('openOrderStore', () => {
  let database: TestDatabase;
  let other: ReturnType<TestDatabase['again']>;
  let puts = 0;
  /** Two processes. */
  let mine: OrderStore;
  let theirs: OrderStore;
  let order: Order;

  before(async () => {
    database = await openTestDatabase();
    other = database.again();
    const counting = {
      ...database,
      put: (...args: Parameters<TestDatabase['put']>) => {
        puts++;
        return database.put(...args);
      },
    };
    mine = openOrderStore(counting);
    theirs = openOrderStore(other);
  });

  after(async () => {
    mine.close();
    theirs.close();
    await other.close();
    await database.close();
  });

  beforeEach(async () => {
    const shards = splitOrder(SHARDS, 1);
    order = { id: randomUUID(), dataset: 'd_8x8', seq: 1, size: SHARDS, noise: 0, shards, createdAt: 'now' };
    await mine.create(order);
    puts = 0;
  });

  const finish = (store: OrderStore, shard: number) =>
    store.update(order.id, (current) => withShard(current, shard, (state) => ({ ...state, published: 1 })));

  it('keeps every change, of two processes at once too, and writes those of one process together', async () => {
    await Promise.all(Array.from({ length: SHARDS }, (_, i) => finish(i % 2 === 0 ? mine : theirs, i)));
    const kept = await theirs.get(order.id);
    assert.equal(kept && stateOf(kept), 'done');
    assert.ok(puts < SHARDS / 2, `${puts} writes`);
  });

  it('tells of an edit that throws its own caller alone', async () => {
    const bad = mine.update(order.id, () => {
      throw new Error('no');
    });
    const good = finish(mine, 3);
    await assert.rejects(bad, /^Error: no$/);
    assert.equal((await good).shards[3]?.published, 1);
  });

  it('writes nothing for an edit that changes nothing', async () => {
    assert.deepEqual(await mine.update(order.id, (current) => current), order);
    assert.equal(puts, 0);
  });

  it('refuses to change an order that is not there', async () => {
    await assert.rejects(
      mine.update(randomUUID(), (current) => current),
      { code: 'not_found' },
    );
    assert.equal(await mine.until(randomUUID(), () => true, 1000), undefined);
  });

  for (const [who, store] of [
    ['this process', () => mine],
    ['another process', () => theirs],
  ] as const) {
    it(`wakes who waits for a change that ${who} makes`, async () => {
      const waiting = mine.until(order.id, ({ shards }) => shards[5]?.published === 1, 50_000);
      await finish(store(), 4);
      await finish(store(), 5);
      assert.equal((await waiting)?.shards[5]?.published, 1);
    });
  }

  it('answers who waits in vain when the time is over', async () => {
    assert.deepEqual(await mine.until(order.id, () => false, 50), order);
  });
});
