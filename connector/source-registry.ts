import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import type { SourceFeed } from '#lib/source/source-store.ts';

/** The sources that somebody has put, as they are now. */
export interface SourceRegistry {
  /** Resolves once every source was told of: until then an unknown one may only not be known yet. Rejects when closed before. */
  readonly ready: Promise<void>;
  get(id: string): SourceRecord | undefined;
  close(): Promise<void>;
}

export interface SourceRegistryParts {
  readonly feed: SourceFeed;
  readonly log: Log;
  /** A source was put, changed or removed; before `ready` for those that were there. */
  readonly onChange: (id: string, record: SourceRecord | undefined) => void;
}

/** Follows the sources. */
export function openSourceRegistry({ feed, log, onChange }: SourceRegistryParts): SourceRegistry {
  const records = new Map<string, SourceRecord>();
  const following = new AbortController();
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  // Whoever waits for it is told; nobody may be waiting.
  ready.catch(() => undefined);
  const follow = async () => {
    for await (const change of feed.follow(following.signal)) {
      if (change === 'caught-up') {
        resolve();
        continue;
      }
      if (change.record === undefined) records.delete(change.id);
      else records.set(change.id, change.record);
      onChange(change.id, change.record);
    }
  };
  const followed = follow().catch((error: unknown) => log.error({ err: error }, 'the sources cannot be followed'));
  return {
    ready,
    get: (id) => records.get(id),
    async close() {
      following.abort();
      reject(new BoxError('unavailable', 'Cannot tell the sources: the connector ends'));
      await followed;
    },
  };
}

/** Where there are no sources: nobody is known. */
export const NO_SOURCES: SourceFeed = {
  async *follow() {
    yield 'caught-up';
  },
};
