import { BoxError } from '#lib/error/box-error.ts';

/** Where orders are, below the gateway. */
export const ORDERS = '/function/sensory/api/sensory/order';

/** An order as the function describes it. */
export interface Order {
  readonly id: string;
  /** `running`, `done`, `failed`, `cancelled` or `expired`. */
  readonly state: string;
  readonly size: number;
  readonly done: number;
  /** The files that are there; the length of an index is not known before. */
  readonly files: readonly { readonly name: string; readonly href: string; readonly bytes?: number }[];
  /** Where the index of all files will be, for formats that have one. */
  readonly index?: string;
  /** All that the function says of it. */
  readonly body: Readonly<Record<string, unknown>>;
}

const FILE_NAME = /^[a-z0-9][a-z0-9.]*$/i;

/** The order of an answer. */
export function parseOrder(value: unknown): Order {
  if (!isObject(value)) throw malformed();
  const { id, state, size, done, shards, links } = value;
  const numbers = typeof size === 'number' && typeof done === 'number';
  if (typeof id !== 'string' || typeof state !== 'string' || !numbers || !Array.isArray(shards)) throw malformed();
  const index = isObject(links) && typeof links.index === 'string' ? { index: links.index } : {};
  return { id, state, size, done, files: shards.flatMap(parseFile), ...index, body: value };
}

/** The file of a shard, once it has one. Its name becomes a file's here, so it must not lead elsewhere. */
function parseFile(shard: unknown): Order['files'] {
  if (!isObject(shard)) throw malformed();
  const { name, href, bytes } = shard;
  if (name === undefined) return [];
  if (typeof name !== 'string' || typeof href !== 'string' || typeof bytes !== 'number') throw malformed();
  if (!FILE_NAME.test(name)) throw malformed();
  return [{ name, href, bytes }];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function malformed(): BoxError {
  return new BoxError('internal', 'Cannot read the order: the answer has another form');
}
