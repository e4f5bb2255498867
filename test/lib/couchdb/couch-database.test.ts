import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import { startCouchdb } from '../../../local/server/couchdb.ts';
import { openTestDatabase, type TestDatabase } from '../../support/couchdb-database.ts';
import { temporaryFolder } from '../../support/servers.ts';

describe('openCouchDatabase', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await openTestDatabase();
  });

  afterEach(() => database.close());

  it('makes the database when it is first used', async () => {
    assert.equal(await database.get('a'), undefined);
    await database.put('a', { n: 1 });
    assert.equal((await database.get('a'))?.n, 1);
  });

  it('makes the database again when somebody deleted it', async () => {
    await database.put('a', { n: 1 });
    await database.drop();
    await assert.rejects(database.put('b', { n: 2 }), { code: 'unavailable' });
    await database.put('b', { n: 2 });
    assert.equal((await database.get('b'))?.n, 2);
  });

  it('refuses to write over a document without its revision, and with an old one', async () => {
    await database.put('a', { n: 1 });
    const first = await database.get('a');
    await assert.rejects(database.put('a', { n: 2 }), { code: 'conflict' });
    await database.put('a', { n: 2 }, first?._rev);
    await assert.rejects(database.put('a', { n: 3 }, first?._rev), { code: 'conflict' });
    await assert.rejects(database.delete('a', first?._rev ?? ''), { code: 'conflict' });
  });

  it('lists by prefix, without documents that were removed', async () => {
    for (const id of ['x:1', 'x:2', 'y:1']) await database.put(id, { id });
    const [first, second] = await database.listRevs('x:');
    assert.deepEqual([first?.id, second?.id], ['x:1', 'x:2']);
    await database.delete('x:1', first?.rev ?? '');
    assert.deepEqual(
      (await database.list('x:')).map(({ _id }) => _id),
      ['x:2'],
    );
    assert.deepEqual(
      (await database.getAll(['x:1', 'y:1', 'z:1'])).map(({ _id }) => _id),
      ['y:1'],
    );
    assert.equal(await database.get('x:1'), undefined);
    await assert.rejects(database.delete('z:1', first?.rev ?? ''), { code: 'not_found' });
  });

  it('deletes many at once and leaves those that changed', async () => {
    await database.put('a', {});
    await database.put('b', {});
    const before = await database.listRevs('');
    await database.put('b', { changed: true }, before[1]?.rev);
    await database.deleteAll(before);
    assert.deepEqual(
      (await database.listRevs('')).map(({ id }) => id),
      ['b'],
    );
  });

  it('waits for a change, and stops waiting when told to', async () => {
    const since = await database.now();
    const waiting = database.changes(since, new AbortController().signal);
    await database.put('a', {});
    const next = await waiting;
    assert.deepEqual(
      next.changes.map(({ id }) => id),
      ['a'],
    );

    const abort = new AbortController();
    const endless = database.changes(next.since, abort.signal);
    abort.abort();
    await assert.rejects(endless, { code: 'unavailable' });
  });
});

describe('openCouchDatabase, CouchDB not as it should be', () => {
  it('unavailable when nobody listens, and well again as soon as somebody does', async () => {
    const dataDir = await temporaryFolder('couchdb-away');
    const first = await startCouchdb({ dataDir });
    await first.stop();
    const { user, password, port } = first;
    const database = openCouchDatabase({ url: `http://127.0.0.1:${port}`, user, password, database: 'd' });
    await assert.rejects(database.get('a'), { code: 'unavailable' });
    const second = await startCouchdb({ dataDir, user, password, port });
    assert.equal(await database.get('a'), undefined);
    await database.close();
    await second.stop();
  });

  it('unavailable with a wrong password, which the message does not hold', async () => {
    const server = await startCouchdb({ dataDir: await temporaryFolder('couchdb-password') });
    const url = `http://127.0.0.1:${server.port}`;
    const database = openCouchDatabase({ url, user: server.user, password: 'hunter2', database: 'd' });
    await assert.rejects(database.get('a'), (error: Error & { code: string }) => {
      assert.equal(error.code, 'unavailable');
      assert.match(error.message, /answered 401/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
    await database.close();
    await server.stop();
  });

  it('unavailable after the time limit when CouchDB takes the request and never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as AddressInfo;
    const database = openCouchDatabase({ url: `http://127.0.0.1:${port}`, database: 'd', timeoutMs: 50 });
    await assert.rejects(database.get('a'), { code: 'unavailable' });
    await database.close();
    silent.closeAllConnections();
    silent.close();
  });

  it('unavailable when what answers is not CouchDB', async () => {
    const other = createServer((_, response) => response.end('<html>hello</html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const database = openCouchDatabase({ url: `http://127.0.0.1:${port}`, database: 'd' });
    await assert.rejects(database.get('a'), { code: 'unavailable' });
    await assert.rejects(database.list('a'), { code: 'unavailable' });
    await database.close();
    other.closeAllConnections();
    other.close();
  });
});
