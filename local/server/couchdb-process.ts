/**
 * CouchDB's HTTP interface over PouchDB and LevelDB, as a process of its own: what stands in for CouchDB on a machine that
 * has none. `node couchdb-process.ts DATA_DIR PORT`, with COUCHDB_USER and COUCHDB_PASSWORD in the environment.
 */
import { timingSafeEqual } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { sep } from 'node:path';
import express from 'express';
import expressPouchdb from 'express-pouchdb';
import leveldbAdapter from 'pouchdb-adapter-leveldb';
import PouchDB from 'pouchdb-core';
import { LOOPBACK } from './free-port.ts';

const [dataDir = '', port = ''] = process.argv.slice(2);
const { COUCHDB_USER: user, COUCHDB_PASSWORD: password } = process.env;

mkdirSync(dataDir, { recursive: true });
const Database = PouchDB.plugin(leveldbAdapter).defaults({ prefix: `${dataDir}${sep}`, adapter: 'leveldb' });

const app = express();
app.use((request, _response, next) => {
  // Compression holds the changes feed's heartbeats back, and whoever waits takes the connection for dead. CouchDB has none.
  delete request.headers['accept-encoding'];
  next();
});
app.use((request, response, next) => {
  if (isAdmin(request)) return next();
  response.status(401).set('WWW-Authenticate', 'Basic realm="administrator"');
  response.json({ error: 'unauthorized', reason: 'Name or password is incorrect.' });
});
app.use(expressPouchdb(Database, { mode: 'minimumForPouchDB', overrideMode: { include: ['routes/find'] } }));

const server = createServer(app);
server.listen(Number(port), LOOPBACK, () => {
  const address = server.address();
  // couchdb.ts reads this line.
  if (typeof address === 'object') console.log(`listening on ${address?.port}`);
});

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});

function isAdmin(request: IncomingMessage): boolean {
  if (user === undefined) return true;
  const wanted = Buffer.from(`Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}`);
  const given = Buffer.from(request.headers.authorization ?? '');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
