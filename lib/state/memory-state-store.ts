import type { KeptState, StateStore } from './state-store.ts';

interface Entry {
  readonly text: string | undefined;
  readonly revision: number;
  readonly expiresMs: number;
}

/** A store that lives and dies with its process: for `POST`s that are only tried, and for tests of the logic above. */
export function openMemoryStateStore(now: () => number = Date.now): StateStore {
  const entries = new Map<string, Entry>();
  let revision = 0;
  const kept = (key: string): KeptState => {
    const entry = entries.get(key);
    if (entry === undefined) return { value: undefined, revision: 0 };
    const isGone = entry.text === undefined || entry.expiresMs <= now();
    return { value: isGone ? undefined : JSON.parse(entry.text ?? 'null'), revision: entry.revision };
  };
  return {
    load: async (keys) => new Map(keys.map((key) => [key, kept(key)])),
    save: async (writes) =>
      writes.map(({ key, value, revision: expected, ttlMs }) => {
        if ((entries.get(key)?.revision ?? 0) !== expected) return 'conflict';
        const text = value === undefined ? undefined : JSON.stringify(value);
        entries.set(key, { text, revision: ++revision, expiresMs: ttlMs === undefined ? Infinity : now() + ttlMs });
        return 'written';
      }),
    list: async (prefix) =>
      new Map(
        [...entries.keys()]
          .filter((key) => prefix === '' || key.startsWith(`${prefix}.`))
          .map((key): [string, KeptState] => [key, kept(key)])
          .filter(([, { value }]) => value !== undefined),
      ),
  };
}
