import type { CouchDatabase } from '../couchdb/couch-database.ts';
import { type DocumentFeedOptions, followDocuments } from '../couchdb/document-feed.ts';
import { recordOf, SCENARIO_PREFIX } from './couchdb-scenario-store.ts';
import type { ScenarioChange, ScenarioFeed } from './scenario-store.ts';

/** Follows the scenarios of a database by CouchDB's changes feed. The database is the caller's to close. */
export function openCouchdbScenarioFeed(database: CouchDatabase, options: DocumentFeedOptions = {}): ScenarioFeed {
  return { follow: (signal) => follow(database, signal, options) };
}

async function* follow(
  database: CouchDatabase,
  signal: AbortSignal,
  options: DocumentFeedOptions,
): AsyncIterable<ScenarioChange | 'caught-up'> {
  for await (const change of followDocuments(database, SCENARIO_PREFIX, signal, options)) {
    yield change === 'caught-up' ? change : { id: change.id, record: recordOf(change.document) };
  }
}
