import { type CouchDatabase, openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import { sharedCouchdb, uniqueName } from './servers.ts';

/** Where the tests' CouchDB is: `COUCHDB_URL` where it is set, else the stand-in; credentials are in the URL. */
export async function couchdbUrl(): Promise<string> {
  return process.env.COUCHDB_URL ?? (await sharedCouchdb()).url;
}

export interface TestDatabase extends CouchDatabase {
  readonly name: string;
  readonly url: string;
  /** Another connection to the same database, the caller's to close. */
  again(): CouchDatabase;
  /** Deletes the database on the server, as if somebody had. */
  drop(): Promise<void>;
}

/** A database of the test's own, which is not made before it is used; `close` deletes it. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const url = await couchdbUrl();
  const name = uniqueName('scenarios');
  const database = openCouchDatabase({ url, database: name });
  const drop = () => dropDatabase(url, name);
  return {
    ...database,
    name,
    url,
    again: () => openCouchDatabase({ url, database: name }),
    drop,
    async close() {
      await drop();
      await database.close();
    },
  };
}

async function dropDatabase(url: string, name: string): Promise<void> {
  const { username, password, origin } = new URL(url);
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  const response = await fetch(`${origin}/${name}`, {
    method: 'DELETE',
    headers: { authorization: `Basic ${credentials}` },
  });
  await response.arrayBuffer();
}
