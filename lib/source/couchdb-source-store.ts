import type { CouchDatabase, CouchDocument } from '../couchdb/couch-database.ts';
import { type DocumentFeedOptions, followRecords } from '../couchdb/document-feed.ts';
import { BoxError } from '../error/box-error.ts';
import type { SourceRecord } from './source.ts';
import type { SourceFeed, SourceStore } from './source-store.ts';

/** The ids of sources as documents begin with this; they lie beside the scenarios. */
const PREFIX = 'source:';

/** Keeps each source as one document of the database, which is the caller's to close. */
export function openCouchdbSourceStore(database: CouchDatabase): SourceStore {
  return {
    get: async (id) => recordOf(await database.get(PREFIX + id)),
    list: async () => (await database.list(PREFIX)).flatMap((document) => recordOf(document) ?? []),
    async put(record, expectedRev) {
      const before = await database.get(PREFIX + record.id);
      expectRev(record.id, recordOf(before)?.rev, expectedRev);
      await database.put(PREFIX + record.id, { record }, before?._rev);
    },
    async delete(id, expectedRev) {
      const before = await database.get(PREFIX + id);
      if (before === undefined) throw new BoxError('not_found', `Cannot delete source ${id}: there is none`);
      expectRev(id, recordOf(before)?.rev, expectedRev);
      await database.delete(before._id, before._rev);
    },
  };
}

/** Follows the sources of a database by CouchDB's changes feed. The database is the caller's to close. */
export function openCouchdbSourceFeed(database: CouchDatabase, options: DocumentFeedOptions = {}): SourceFeed {
  return { follow: (signal) => followRecords(database, PREFIX, recordOf, signal, options) };
}

function expectRev(id: string, found: string | undefined, expected: string | undefined): void {
  if (found === expected) return;
  const now = found === undefined ? 'there is none' : `it is at revision ${found}`;
  const asked = expected === undefined ? 'there must be none' : `it must be at revision ${expected}`;
  throw new BoxError('conflict', `Cannot write source ${id}: ${asked}, but ${now}`);
}

/** The source that a document holds; undefined for no document or one that is not ours. */
function recordOf(document: CouchDocument | undefined): SourceRecord | undefined {
  const record = document?.record;
  return isRecord(record) ? record : undefined;
}

/** Only the store writes these documents, and parses before it does: that it is one of them is enough to know. */
function isRecord(value: unknown): value is SourceRecord {
  return typeof value === 'object' && value !== null && 'id' in value && 'rev' in value && 'source' in value;
}
