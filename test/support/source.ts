import type { Source, SourceRecord } from '#lib/source/source.ts';
import type { SourceChange, SourceFeed } from '#lib/source/source-store.ts';
import { makeToken } from '#lib/source/token.ts';

const AT = '2026-11-21T12:00:00.000Z';

/** A source as it is kept, and its token when it has one. */
export function sourceRecord(id: string, source: Source = {}, rev = '1-a'): SourceRecord {
  return { id, rev, source: { ...source, _id: id }, createdAt: AT, updatedAt: AT };
}

export function withToken(record: SourceRecord): { readonly record: SourceRecord; readonly token: string } {
  const { token, kept } = makeToken(new Date());
  return { record: { ...record, token: kept }, token };
}

/** Sources as a test puts them. */
export function openMemorySources(): SourceFeed & { put(record: SourceRecord): void; remove(id: string): void } {
  const records = new Map<string, SourceRecord>();
  const followers = new Set<(change: SourceChange) => void>();
  const tell = (change: SourceChange) => {
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
      const queue: (SourceChange | 'caught-up')[] = [...records.values()].map((record) => ({ id: record.id, record }));
      queue.push('caught-up');
      let wake: () => void = () => undefined;
      const follower = (change: SourceChange) => {
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
