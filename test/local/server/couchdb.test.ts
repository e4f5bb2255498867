import assert from 'node:assert/strict';
import { once } from 'node:events';
import nano from 'nano';
import { request } from 'undici';
import { startCouchdb } from '../../../local/server/couchdb.ts';
import { sharedCouchdb, temporaryFolder, uniqueName } from '../../support/servers.ts';

describe('startCouchdb', () => {
  it('keeps revisions: a write with a stale one is refused with 409', async () => {
    const server = nano((await sharedCouchdb()).url);
    const name = uniqueName();
    await server.db.create(name);
    const database = server.use<{ value: number }>(name);
    const first = await database.insert({ value: 1 }, 'doc');
    await database.insert({ value: 2, _rev: first.rev }, 'doc');
    await assert.rejects(database.insert({ value: 3, _rev: first.rev }, 'doc'), { statusCode: 409 });
    assert.deepEqual((await database.get('doc', { rev: first.rev }))._rev, first.rev);
  });

  it('tells changes, deletions too, to a reader that was there before them', async () => {
    const server = nano((await sharedCouchdb()).url);
    const name = uniqueName();
    await server.db.create(name);
    const database = server.use<{ value: number }>(name);
    const changes = database.changesReader.start({ since: '0', includeDocs: true });
    try {
      const written = once(changes, 'change');
      const { rev } = await database.insert({ value: 1 }, 'doc');
      assert.equal((await written)[0].doc.value, 1);
      const deleted = once(changes, 'change');
      await database.destroy('doc', rev);
      assert.equal((await deleted)[0].deleted, true);
    } finally {
      database.changesReader.stop();
    }
  });

  it('sends heartbeats while there is nothing to tell, also to who would take them compressed', async () => {
    const { url } = await sharedCouchdb();
    const name = uniqueName();
    await nano(url).db.create(name);
    const address = new URL(`/${name}/_changes?feed=longpoll&since=now&heartbeat=50`, url);
    const { username, password } = address;
    address.username = '';
    address.password = '';
    const { body } = await request(address, {
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip, deflate',
        authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      },
    });
    let text = '';
    for await (const chunk of body) {
      text += chunk;
      if (/\n\n$/.test(text)) break;
    }
    assert.match(text, /^\{"results":\[\s+$/);
  });

  it('answers 401 to a wrong password', async () => {
    const { port } = await sharedCouchdb();
    await assert.rejects(nano(`http://admin:wrong@127.0.0.1:${port}`).db.list(), { statusCode: 401 });
    await assert.rejects(nano(`http://127.0.0.1:${port}`).db.list(), { statusCode: 401 });
  });

  it('keeps its documents over a kill', async () => {
    const dataDir = await temporaryFolder('couchdb');
    const first = await startCouchdb({ dataDir, password: 'pw' });
    const name = uniqueName();
    await nano(first.url).db.create(name);
    await nano(first.url).use<{ value: number }>(name).insert({ value: 1 }, 'doc');
    await first.kill();
    const second = await startCouchdb({ dataDir, password: 'pw', port: first.port });
    try {
      assert.equal((await nano(second.url).use(name).get('doc'))._id, 'doc');
    } finally {
      await second.stop();
    }
  });
});
