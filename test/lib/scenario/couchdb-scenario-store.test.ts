import assert from 'node:assert/strict';
import { openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import { openCouchdbScenarioFeed } from '#lib/scenario/couchdb-scenario-feed.ts';
import { openCouchdbScenarioStore } from '#lib/scenario/couchdb-scenario-store.ts';
import { startCouchdb } from '../../../local/server/couchdb.ts';
import { openTestDatabase } from '../../support/couchdb-database.ts';
import { recordOf, scenarioOf } from '../../support/scenario.ts';
import { temporaryFolder } from '../../support/servers.ts';
import { describeScenarioStore } from './scenario-store-contract.ts';

describeScenarioStore('CouchDB', async () => {
  const database = await openTestDatabase();
  const maxRevisions = 10;
  return {
    store: openCouchdbScenarioStore(database, { maxRevisions }),
    feed: openCouchdbScenarioFeed(database),
    maxRevisions,
    close: () => database.close(),
  };
});

describe('openCouchdbScenarioFeed, CouchDB going away', () => {
  it('begins before CouchDB is there, and after a restart tells only what changed meanwhile', async () => {
    const dataDir = await temporaryFolder('couchdb-feed');
    const first = await startCouchdb({ dataDir });
    const { user, password, port } = first;
    await first.stop();
    const database = openCouchDatabase({ url: `http://127.0.0.1:${port}`, user, password, database: 'scenarios' });
    const store = openCouchdbScenarioStore(database);
    const errors: string[] = [];
    const abort = new AbortController();
    let lost: () => void = () => undefined;
    const feed = openCouchdbScenarioFeed(database, {
      minBackoffMs: 5,
      maxBackoffMs: 50,
      onError: (error) => {
        errors.push(error.code);
        lost();
      },
    });
    const following = feed.follow(abort.signal)[Symbol.asyncIterator]();
    const next = async () => (await following.next()).value;

    const beginning = next();
    await new Promise<void>((resolve) => {
      lost = resolve;
    });
    const second = await startCouchdb({ dataDir, user, password, port });
    assert.equal(await beginning, 'caught-up');
    const kept = recordOf('kept', scenarioOf('kept'));
    const removed = recordOf('removed', scenarioOf('removed'));
    await store.put(kept, undefined);
    assert.deepEqual(await next(), { id: 'kept', record: kept });
    await store.put(removed, undefined);
    assert.deepEqual(await next(), { id: 'removed', record: removed });

    const change = next();
    const noticed = new Promise<void>((resolve) => {
      lost = resolve;
    });
    await second.kill();
    await noticed;
    const third = await startCouchdb({ dataDir, user, password, port });
    await store.delete('removed', '1-a');
    assert.deepEqual(await change, { id: 'removed', record: undefined });
    assert.ok(errors.every((code) => code === 'unavailable'));

    abort.abort();
    await following.next();
    await database.close();
    await third.stop();
  });
});
