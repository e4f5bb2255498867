/** What became of a record: undefined when it was removed. */
interface Change<T> {
  readonly id: string;
  readonly record: T | undefined;
}

export interface MemoryFeed<T> {
  put(record: T): void;
  remove(id: string): void;
  follow(signal: AbortSignal): AsyncIterable<Change<T> | 'caught-up'>;
}

/** Scenarios, or sources, as a test puts them: a feed that needs no database. */
export function openMemoryFeed<T extends { readonly id: string }>(): MemoryFeed<T> {
  const records = new Map<string, T>();
  const followers = new Set<(change: Change<T>) => void>();
  const tell = (change: Change<T>) => {
    for (const follower of followers) follower(change);
  };
  return {
    put(record) {
      records.set(record.id, record);
      tell({ id: record.id, record });
    },
    remove(id) {
      records.delete(id);
      tell({ id, record: undefined });
    },
    async *follow(signal) {
      const queue: (Change<T> | 'caught-up')[] = [...records.values()].map((record) => ({ id: record.id, record }));
      queue.push('caught-up');
      let wake: () => void = () => undefined;
      const follower = (change: Change<T>) => {
        queue.push(change);
        wake();
      };
      followers.add(follower);
      signal.addEventListener('abort', () => wake());
      while (!signal.aborted) {
        const next = queue.shift();
        if (next !== undefined) yield next;
        else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
      followers.delete(follower);
    },
  };
}
