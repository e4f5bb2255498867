import type { CouchDatabase } from '../couchdb/couch-database.ts';
import { type DocumentFeedOptions, followRecords } from '../couchdb/document-feed.ts';
import { recordOf, SCENARIO_PREFIX } from './couchdb-scenario-store.ts';
import type { ScenarioFeed } from './scenario-store.ts';

/** Follows the scenarios of a database by CouchDB's changes feed. The database is the caller's to close. */
export function openCouchdbScenarioFeed(database: CouchDatabase, options: DocumentFeedOptions = {}): ScenarioFeed {
  return { follow: (signal) => followRecords(database, SCENARIO_PREFIX, recordOf, signal, options) };
}
