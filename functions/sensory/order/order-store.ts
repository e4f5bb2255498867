import { LRUCache } from 'lru-cache';
import type { CouchDatabase, CouchDocument } from '#lib/couchdb/couch-database.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { openChanges } from './changes.ts';
import type { Order, ShardState } from './order.ts';

/** Where orders are kept. */
export interface OrderStore {
  /** The order; undefined when there is none. */
  get(id: string): Promise<Order | undefined>;
  /** The order as this process knew it last, without asking where it does; another may have got further. */
  recorded(id: string): Promise<Order | undefined>;
  create(order: Order): Promise<void>;
  /**
   * Changes an order as it is now; `edit` may be called several times and gives back the same object for no change. It is
   * then called with the order as this process knew it last.
   *
   * @throws BoxError `not_found` when there is none.
   */
  update(id: string, edit: (order: Order) => Order): Promise<Order>;
  /**
   * The order as soon as it is enough, or after so many milliseconds as it is then; undefined when there is none. What
   * any process records is seen at once.
   */
  until(id: string, isEnough: (order: Order) => boolean, ms: number): Promise<Order | undefined>;
  /** Removes orders that were made before that time, each once what it left elsewhere is removed. */
  sweep(beforeMs: number, removeRest: (order: Order) => Promise<void>): Promise<number>;
  close(): void;
}

const PREFIX = 'order:';
/** Workers of one order write the same document: each conflict means that another got on. */
const MAX_TRIES = 100;
/** Orders whose newest document is kept. */
const MAX_KNOWN = 200;

interface Known {
  readonly order: Order;
  readonly rev: string;
}

interface Edit {
  readonly edit: (order: Order) => Order;
  readonly resolve: (order: Order) => void;
  readonly reject: (error: unknown) => void;
}

export function openOrderStore(database: CouchDatabase): OrderStore {
  const known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  const waiting = new Map<string, Edit[]>();
  const changes = openChanges(database);

  async function read(id: string): Promise<Order | undefined> {
    const document = await database.get(PREFIX + id);
    if (document === undefined) return undefined;
    const order = readOrder(document);
    known.set(id, { order, rev: document._rev });
    return order;
  }

  async function newest(id: string): Promise<Known> {
    const found = known.get(id) ?? ((await read(id)) && known.get(id));
    if (found) return found;
    throw new BoxError('not_found', `Cannot find order ${id}: there is none`);
  }

  /** Makes all edits that wait in one write: shards that are done at the same time never compete for the document. */
  async function write(id: string, edits: readonly Edit[]): Promise<void> {
    for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
      const { order, rev } = await newest(id);
      const made = edits.reduce(applyEdit, { order, done: [] });
      try {
        if (made.order !== order) {
          known.set(id, { order: made.order, rev: await database.put(PREFIX + id, made.order, rev) });
          changes.tell(PREFIX + id);
        }
        for (const { resolve } of made.done) resolve(made.order);
        return;
      } catch (error) {
        known.delete(id);
        if (!(error instanceof BoxError && error.code === 'conflict')) throw error;
      }
    }
    throw new BoxError('unavailable', `Cannot record order ${id}: others always came first`, { retryAfterSeconds: 1 });
  }

  async function writeAll(id: string): Promise<void> {
    for (let edits = waiting.get(id) ?? []; edits.length > 0; edits = waiting.get(id) ?? []) {
      waiting.set(id, []);
      try {
        await write(id, edits);
      } catch (error) {
        for (const { reject } of edits) reject(error);
      }
    }
    waiting.delete(id);
  }

  return {
    get: read,
    recorded: async (id) => known.get(id)?.order ?? read(id),
    async create(order) {
      known.set(order.id, { order, rev: await database.put(PREFIX + order.id, order) });
    },
    update: (id, edit) =>
      new Promise((resolve, reject) => {
        const line = waiting.get(id);
        if (line) line.push({ edit, resolve, reject });
        else {
          waiting.set(id, [{ edit, resolve, reject }]);
          void writeAll(id);
        }
      }),
    async until(id, isEnough, ms) {
      const end = AbortSignal.timeout(ms);
      const isKnownEnough = () => {
        const order = known.get(id)?.order;
        return order !== undefined && isEnough(order) ? order : undefined;
      };
      // What was recorded stays recorded: what this process wrote itself it need not read.
      for (let order = isKnownEnough(); ; order = isKnownEnough()) {
        if (order !== undefined) return order;
        const change = await changes.next(PREFIX + id, end);
        const newest = await read(id);
        if (newest === undefined || end.aborted || isEnough(newest)) return newest;
        await change.seen;
      }
    },
    async sweep(beforeMs, removeRest) {
      const old = (await database.list(PREFIX)).filter(({ createdAt }) => Date.parse(String(createdAt)) < beforeMs);
      for (const document of old) {
        await removeRest(readOrder(document));
        await database.deleteAll([{ id: document._id, rev: document._rev }]);
      }
      return old.length;
    },
    close: changes.close,
  };
}

/** An edit that throws tells its own caller alone. */
function applyEdit(made: { order: Order; done: Edit[] }, one: Edit): { order: Order; done: Edit[] } {
  try {
    return { order: one.edit(made.order), done: [...made.done, one] };
  } catch (error) {
    one.reject(error);
    return made;
  }
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
