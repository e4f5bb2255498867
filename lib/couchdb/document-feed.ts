import { setTimeout as delay } from 'node:timers/promises';
import { BoxError } from '../error/box-error.ts';
import type { CouchDatabase, CouchDocument } from './couch-database.ts';

export interface DocumentFeedOptions {
  /** Told each time that CouchDB is lost or stays away; the feed tries again by itself. */
  readonly onError?: (error: BoxError) => void;
  /** The first wait before trying again (default 200 ms); it doubles, up to `maxBackoffMs` (default 10 s). */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

/** A document that changed: its id without the prefix; undefined when it was removed. */
export interface DocumentChange {
  readonly id: string;
  readonly document: CouchDocument | undefined;
}

/**
 * Follows the documents whose id begins with `prefix` by CouchDB's changes feed: every one as it is now, then every change,
 * until `signal` aborts. The last change of a document is always seen; earlier ones may be skipped. Lost connections are
 * made again; `caught-up` marks the end of what was there. The database is the caller's to close.
 */
async function* followDocuments(
  database: CouchDatabase,
  prefix: string,
  signal: AbortSignal,
  options: DocumentFeedOptions = {},
): AsyncIterable<DocumentChange | 'caught-up'> {
  /** The `_rev` of each document that was told of last: after a lost connection only what differs is told. */
  const told = new Map<string, string>();
  let caughtUp = false;
  let failures = 0;
  while (!signal.aborted) {
    try {
      // The position first, then the documents: what changes in between is seen again, never missed.
      let since = await database.now();
      yield* differences(await database.list(prefix), told, prefix);
      if (!caughtUp) yield 'caught-up';
      caughtUp = true;
      failures = 0;
      while (!signal.aborted) {
        const next = await database.changes(since, signal);
        since = next.since;
        const ids = [...new Set(next.changes.map(({ id }) => id))].filter((id) => id.startsWith(prefix));
        yield* changesOf(ids, await database.getAll(ids), told, prefix);
      }
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(BoxError.from(error));
      await backOff(failures++, signal, options);
    }
  }
}

/** The same, each document as the record that it holds. */
export async function* followRecords<T>(
  database: CouchDatabase,
  prefix: string,
  recordOf: (document: CouchDocument | undefined) => T | undefined,
  signal: AbortSignal,
  options: DocumentFeedOptions = {},
): AsyncIterable<{ readonly id: string; readonly record: T | undefined } | 'caught-up'> {
  for await (const change of followDocuments(database, prefix, signal, options)) {
    yield change === 'caught-up' ? change : { id: change.id, record: recordOf(change.document) };
  }
}

/** What differs between all documents as they are and as they were told. */
function* differences(
  documents: readonly CouchDocument[],
  told: Map<string, string>,
  prefix: string,
): Iterable<DocumentChange> {
  const ids = new Set([...documents.map(({ _id }) => _id), ...told.keys()]);
  yield* changesOf([...ids], documents, told, prefix);
}

function* changesOf(
  ids: readonly string[],
  documents: readonly CouchDocument[],
  told: Map<string, string>,
  prefix: string,
): Iterable<DocumentChange> {
  const found = new Map(documents.map((document) => [document._id, document]));
  for (const key of ids) {
    const document = found.get(key);
    if (document?._rev === told.get(key)) continue;
    if (document === undefined) told.delete(key);
    else told.set(key, document._rev);
    yield { id: key.slice(prefix.length), document };
  }
}

async function backOff(failures: number, signal: AbortSignal, options: DocumentFeedOptions): Promise<void> {
  const { minBackoffMs = 200, maxBackoffMs = 10_000 } = options;
  const ms = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(failures, 20)) * (0.5 + Math.random() / 2);
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
