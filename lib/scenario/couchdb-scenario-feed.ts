import { setTimeout as delay } from 'node:timers/promises';
import type { CouchDatabase, CouchDocument } from '../couchdb/couch-database.ts';
import { BoxError } from '../error/box-error.ts';
import { recordOf, SCENARIO_PREFIX } from './couchdb-scenario-store.ts';
import type { ScenarioChange, ScenarioFeed } from './scenario-store.ts';

export interface CouchdbScenarioFeedOptions {
  /** Told each time that CouchDB is lost or stays away; the feed tries again by itself. */
  readonly onError?: (error: BoxError) => void;
  /** The first wait before trying again (default 200 ms); it doubles, up to `maxBackoffMs` (default 10 s). */
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

/** Follows the scenarios of a database by CouchDB's changes feed. The database is the caller's to close. */
export function openCouchdbScenarioFeed(
  database: CouchDatabase,
  options: CouchdbScenarioFeedOptions = {},
): ScenarioFeed {
  return { follow: (signal) => follow(database, signal, options) };
}

async function* follow(
  database: CouchDatabase,
  signal: AbortSignal,
  options: CouchdbScenarioFeedOptions,
): AsyncIterable<ScenarioChange | 'caught-up'> {
  /** The `_rev` of each scenario that was told of last: after a lost connection only what differs is told. */
  const told = new Map<string, string>();
  let caughtUp = false;
  let failures = 0;
  while (!signal.aborted) {
    try {
      // The position first, then the documents: what changes in between is seen again, never missed.
      let since = await database.now();
      yield* differences(await database.list(SCENARIO_PREFIX), told);
      if (!caughtUp) yield 'caught-up';
      caughtUp = true;
      failures = 0;
      while (!signal.aborted) {
        const next = await database.changes(since, signal);
        since = next.since;
        const ids = [...new Set(next.changes.map(({ id }) => id))].filter((id) => id.startsWith(SCENARIO_PREFIX));
        yield* changesOf(ids, await database.getAll(ids), told);
      }
    } catch (error) {
      if (signal.aborted) return;
      options.onError?.(BoxError.from(error));
      await backOff(failures++, signal, options);
    }
  }
}

/** What differs between all scenarios as they are and as they were told. */
function* differences(documents: readonly CouchDocument[], told: Map<string, string>): Iterable<ScenarioChange> {
  const ids = new Set([...documents.map(({ _id }) => _id), ...told.keys()]);
  yield* changesOf([...ids], documents, told);
}

function* changesOf(
  ids: readonly string[],
  documents: readonly CouchDocument[],
  told: Map<string, string>,
): Iterable<ScenarioChange> {
  const found = new Map(documents.map((document) => [document._id, document]));
  for (const key of ids) {
    const document = found.get(key);
    if (document?._rev === told.get(key)) continue;
    if (document === undefined) told.delete(key);
    else told.set(key, document._rev);
    yield { id: key.slice(SCENARIO_PREFIX.length), record: recordOf(document) };
  }
}

async function backOff(failures: number, signal: AbortSignal, options: CouchdbScenarioFeedOptions): Promise<void> {
  const { minBackoffMs = 200, maxBackoffMs = 10_000 } = options;
  const ms = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(failures, 20)) * (0.5 + Math.random() / 2);
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
