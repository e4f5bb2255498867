import type { CouchDatabase } from '#lib/couchdb/couch-database.ts';

/** Tells when documents change. */
export interface Changes {
  /** Told by this process of a document that it wrote. */
  tell(id: string): void;
  /**
   * A change of the document from now on, by any process. When this resolves nothing is missed any more; `seen` resolves at the
   * first change, when `end` aborts, and when CouchDB cannot say.
   */
  next(id: string, end: AbortSignal): Promise<{ readonly seen: Promise<void> }>;
  close(): void;
}

/** CouchDB's changes feed, followed only while somebody waits. */
export function openChanges(database: CouchDatabase): Changes {
  const waiting = new Map<string, Set<() => void>>();
  const closing = new AbortController();
  let following: Promise<string> | undefined;

  /** Begins to follow; resolves once the feed's position is known. */
  function follow(): Promise<string> {
    following ??= database.now().then((since) => {
      void followFrom(since);
      return since;
    });
    following.catch(() => {
      following = undefined;
    });
    return following;
  }

  async function followFrom(begin: string): Promise<void> {
    try {
      for (let since = begin; waiting.size > 0 && !closing.signal.aborted; ) {
        const next = await database.changes(since, closing.signal);
        since = next.since;
        for (const { id } of next.changes) tell(id);
      }
    } catch {
      // Whoever waits reads the document, and is told by that what is wrong.
      for (const id of waiting.keys()) tell(id);
    } finally {
      following = undefined;
    }
  }

  function tell(id: string): void {
    for (const wake of waiting.get(id) ?? []) wake();
  }

  return {
    tell,
    async next(id, end) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wakers = waiting.get(id) ?? new Set();
      waiting.set(id, wakers.add(resolve));
      if (end.aborted) resolve();
      else end.addEventListener('abort', () => resolve(), { once: true });
      const seen = promise.finally(() => {
        wakers.delete(resolve);
        if (wakers.size === 0) waiting.delete(id);
      });
      try {
        await follow();
      } catch (error) {
        resolve();
        throw error;
      }
      return { seen };
    },
    close: () => closing.abort(),
  };
}
