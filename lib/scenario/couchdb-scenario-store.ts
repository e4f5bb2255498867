import type { CouchDatabase, CouchDocument } from '../couchdb/couch-database.ts';
import { BoxError } from '../error/box-error.ts';
import type { ScenarioRecord } from './scenario.ts';
import { revNumber } from './scenario-id.ts';
import type { ScenarioStore } from './scenario-store.ts';

/** The database that scenarios are kept in where nothing else is configured. */
export const SCENARIO_DATABASE = 'thebox-scenarios';

/** The ids of scenarios as documents begin with this. */
export const SCENARIO_PREFIX = 'scenario:';

/** Documents of old revisions: CouchDB's own go when it compacts, and a message may still be processed with one. */
const REVISION_PREFIX = 'revision:';

export interface CouchdbScenarioStoreOptions {
  /** Revisions that are kept of each scenario (default 50). */
  readonly maxRevisions?: number;
}

/**
 * Keeps each scenario as one document of the database, which it closes with itself, and each of its last revisions as
 * another that never changes.
 */
export function openCouchdbScenarioStore(
  database: CouchDatabase,
  options: CouchdbScenarioStoreOptions = {},
): ScenarioStore {
  const maxRevisions = options.maxRevisions ?? 50;

  async function keepRevision(record: ScenarioRecord): Promise<void> {
    const id = revisionKey(record.id, record.rev);
    const kept = await database.listRevs(revisionKey(record.id, ''));
    if (kept.some((revision) => revision.id === id)) return;
    const byAge = kept.toSorted((a, b) => revisionNumber(a.id) - revisionNumber(b.id));
    await database.deleteAll(byAge.slice(0, Math.max(0, kept.length - maxRevisions + 1)));
    await database.put(id, { record });
  }

  return {
    get: async (id) => recordOf(await database.get(SCENARIO_PREFIX + id)),
    getRevision: async (id, rev) => recordOf(await database.get(revisionKey(id, rev))),
    list: async () => (await database.list(SCENARIO_PREFIX)).flatMap((document) => recordOf(document) ?? []),
    async put(record, expectedRev) {
      const before = await database.get(SCENARIO_PREFIX + record.id);
      expectRev(record.id, recordOf(before)?.rev, expectedRev);
      // First the revision: whoever sees the scenario change can have it at once.
      await keepRevision(record);
      await database.put(SCENARIO_PREFIX + record.id, { record }, before?._rev);
    },
    async delete(id, expectedRev) {
      const before = await database.get(SCENARIO_PREFIX + id);
      if (before === undefined) throw new BoxError('not_found', `Cannot delete scenario ${id}: there is none`);
      expectRev(id, recordOf(before)?.rev, expectedRev);
      await database.delete(before._id, before._rev);
    },
    close: () => database.close(),
  };
}

function revisionKey(id: string, rev: string): string {
  return `${REVISION_PREFIX}${id}:${rev}`;
}

function revisionNumber(key: string): number {
  return revNumber(key.slice(key.lastIndexOf(':') + 1));
}

function expectRev(id: string, found: string | undefined, expected: string | undefined): void {
  if (found === expected) return;
  const now = found === undefined ? 'there is none' : `it is at revision ${found}`;
  const asked = expected === undefined ? 'there must be none' : `it must be at revision ${expected}`;
  throw new BoxError('conflict', `Cannot write scenario ${id}: ${asked}, but ${now}`);
}

/** The scenario that a document holds; undefined for no document or one that is not ours. */
export function recordOf(document: CouchDocument | undefined): ScenarioRecord | undefined {
  const record = document?.record;
  return isRecord(record) ? record : undefined;
}

/** Only the store writes these documents, and parses before it does: that it is one of them is enough to know. */
function isRecord(value: unknown): value is ScenarioRecord {
  return typeof value === 'object' && value !== null && 'id' in value && 'rev' in value && 'scenario' in value;
}
