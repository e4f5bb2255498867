import { NpScalar } from '../array/ndarray.ts';
import { PyError, typeError } from './py-error.ts';
import { typeName } from './type-name.ts';
import { PyFloat, PyTuple, type Value } from './value.ts';

type HashKey = number | bigint | string | null;

const MARK = '\u0000';
const MAX_KEY_LENGTH = 10_000;
/** Of a tuple that is looked up again and again, written once: only making it was counted. */
const tupleKeys = new WeakMap<PyTuple, string>();

/**
 * The key under which equal values meet: `1`, `1.0`, `True` and `np.int64(1)` are one key, as in Python.
 *
 * @throws PyError TypeError for what cannot be hashed (lists, dicts, sets, arrays).
 */
export function hashKey(value: Value): HashKey {
  if (typeof value === 'string') return value.startsWith(MARK) ? `${MARK}s${value}` : value;
  if (value === null || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return value;
  if (value instanceof PyFloat || value instanceof NpScalar) return numberKey(value.value);
  if (value instanceof PyTuple) return tupleKey(value);
  throw typeError(`unhashable type: '${typeName(value)}'`);
}

function numberKey(value: number): HashKey {
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value) : value;
}

/** Each item with its length before it, so that no two tuples share a key. */
function tupleKey(tuple: PyTuple): string {
  const known = tupleKeys.get(tuple);
  if (known !== undefined) return known;
  let key = `${MARK}t`;
  for (const item of tuple.items) {
    const part = hashKey(item);
    const text = String(part);
    key += `${typeof part}:${text.length}:${text}`;
    if (key.length > MAX_KEY_LENGTH)
      throw new PyError('BudgetError', `a tuple used as a key may be ${MAX_KEY_LENGTH} characters of text`);
  }
  tupleKeys.set(tuple, key);
  return key;
}

/** Python's dict, in order of insertion. */
export class PyDict {
  private readonly entries = new Map<HashKey, readonly [Value, Value]>();
  private readonly looseKeys: boolean;

  /** `looseKeys` lets text find the whole number that it writes, for maps whose int keys went through JSON. */
  constructor(options: { readonly looseKeys?: boolean } = {}) {
    this.looseKeys = options.looseKeys ?? false;
  }

  get size(): number {
    return this.entries.size;
  }

  set(key: Value, value: Value): void {
    const hash = hashKey(key);
    const held = this.entries.get(hash);
    this.entries.set(hash, [held === undefined ? key : held[0], value]);
  }

  /** The value of a key, `undefined` where the dict lacks it. */
  get(key: Value): Value | undefined {
    const held = this.entries.get(hashKey(key));
    if (held === undefined && this.looseKeys && typeof key === 'string') return this.entries.get(Number(key))?.[1];
    return held?.[1];
  }

  *keys(): Generator<Value> {
    for (const [key] of this.entries.values()) yield key;
  }

  *values(): Generator<Value> {
    for (const [, value] of this.entries.values()) yield value;
  }

  *items(): Generator<readonly [Value, Value]> {
    yield* this.entries.values();
  }

  get typeName(): string {
    return 'dict';
  }
}

/** Python's set, in order of insertion (Python promises no order). */
export class PySet {
  private readonly entries = new Map<HashKey, Value>();

  constructor(items: Iterable<Value> = []) {
    for (const item of items) this.add(item);
  }

  get size(): number {
    return this.entries.size;
  }

  add(item: Value): void {
    const hash = hashKey(item);
    if (!this.entries.has(hash)) this.entries.set(hash, item);
  }

  has(item: Value): boolean {
    return this.entries.has(hashKey(item));
  }

  values(): IterableIterator<Value> {
    return this.entries.values();
  }

  get typeName(): string {
    return 'set';
  }
}
