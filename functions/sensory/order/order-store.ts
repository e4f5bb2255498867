import type { CouchDatabase, CouchDocument } from '#lib/couchdb/couch-database.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Order, ShardState } from './order.ts';

/** Where orders are kept. */
export interface OrderStore {
  /** The order; undefined when there is none. */
  get(id: string): Promise<Order | undefined>;
  create(order: Order): Promise<void>;
  /**
   * Changes an order as it is now; `edit` may be called several times and gives back the same object for no change.
   *
   * @throws BoxError `not_found` when there is none.
   */
  update(id: string, edit: (order: Order) => Order): Promise<Order>;
  /** Removes orders that were made before that time. */
  sweep(beforeMs: number): Promise<number>;
}

const PREFIX = 'order:';
/** Workers of one order write the same document: each conflict means that another got on. */
const MAX_TRIES = 100;

export function openOrderStore(database: CouchDatabase): OrderStore {
  return {
    async get(id) {
      const document = await database.get(PREFIX + id);
      return document && readOrder(document);
    },
    create: (order) => database.put(PREFIX + order.id, order),
    async update(id, edit) {
      for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
        const document = await database.get(PREFIX + id);
        if (!document) throw new BoxError('not_found', `Cannot find order ${id}: there is none`);
        const before = readOrder(document);
        const after = edit(before);
        if (after === before) return before;
        try {
          await database.put(PREFIX + id, after, document._rev);
          return after;
        } catch (error) {
          if (!(error instanceof BoxError && error.code === 'conflict')) throw error;
        }
      }
      throw new BoxError('unavailable', `Cannot record order ${id}: others always came first`, {
        retryAfterSeconds: 1,
      });
    },
    async sweep(beforeMs) {
      const old = (await database.list(PREFIX)).filter(({ createdAt }) => Date.parse(String(createdAt)) < beforeMs);
      await database.deleteAll(old.map(({ _id, _rev }) => ({ id: _id, rev: _rev })));
      return old.length;
    },
  };
}

function readOrder({ _id, _rev, ...rest }: CouchDocument): Order {
  if (!isOrder(rest)) throw new BoxError('internal', `Cannot read ${_id}: it must be an order`);
  return rest;
}

function isOrder(value: object): value is Order {
  const order = value as Partial<Record<keyof Order, unknown>>;
  return (
    typeof order.id === 'string' &&
    typeof order.dataset === 'string' &&
    typeof order.seq === 'number' &&
    typeof order.size === 'number' &&
    typeof order.noise === 'number' &&
    typeof order.createdAt === 'string' &&
    Array.isArray(order.shards) &&
    order.shards.every(isShard)
  );
}

function isShard(value: unknown): value is ShardState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'from' in value &&
    'size' in value &&
    'published' in value &&
    'tries' in value &&
    Array.isArray(value.tries)
  );
}
