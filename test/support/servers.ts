/**
 * Real servers for tests, shared by all tests of a mocha run: each is started by the first test that asks and ended by a
 * root hook. A test keeps to streams, buckets and databases of its own (see `uniqueName`), and starts a server of its own
 * (`startNats`, `temporaryFolder`) when it stops or kills it.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killChildren } from '../../local/server/child-process.ts';
import { type CouchdbServer, startCouchdb } from '../../local/server/couchdb.ts';
import { type S3Server, startMinio } from '../../local/server/minio.ts';
import { type NatsServer, startNats } from '../../local/server/nats.ts';
import { type RabbitmqServer, startRabbitmq } from '../../local/server/rabbitmq.ts';
import { startVersitygw } from '../../local/server/versitygw.ts';

interface Stoppable {
  stop(): Promise<void>;
}

const started = new Map<string, Promise<Stoppable>>();
const folders: string[] = [];

/** nats-server with JetStream, without a password. */
export function sharedNats(): Promise<NatsServer> {
  return shared('nats', (dataDir) => startNats({ dataDir }));
}

/** The stand-in for CouchDB, with a password (it is in `url`). */
export function sharedCouchdb(): Promise<CouchdbServer> {
  return shared('couchdb', (dataDir) => startCouchdb({ dataDir }));
}

/** MinIO. */
export function sharedMinio(): Promise<S3Server> {
  return shared('minio', (dataDir) => startMinio({ dataDir }));
}

/** Versity's S3 gateway, the second S3 server. */
export function sharedVersitygw(): Promise<S3Server> {
  return shared('versitygw', (dataDir) => startVersitygw({ dataDir }));
}

/**
 * RabbitMQ, with the virtual hosts `/` and `sensory`. It takes some seconds to start: ask for it in a `before` hook.
 */
export function sharedRabbitmq(): Promise<RabbitmqServer> {
  return shared('rabbitmq', (dataDir) => startRabbitmq({ dataDir }));
}

function shared<T extends Stoppable>(name: string, start: (dataDir: string) => Promise<T>): Promise<T> {
  const running = started.get(name);
  // Each name belongs to one kind of server: `shared` is called in one place for each.
  if (running !== undefined) return running as Promise<T>;
  const starting = temporaryFolder(name).then(start);
  started.set(name, starting);
  return starting;
}

/** A new folder that the root hook deletes. */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `box-test-${name}-`));
  folders.push(folder);
  return folder;
}

/** A name that no other test has, of lower-case letters and digits, fit for a stream, a bucket and a database. */
export function uniqueName(prefix = 't'): string {
  return `${prefix}${randomBytes(6).toString('hex')}`;
}

/** Ends every shared server, and what tests that failed have left running, and deletes the temporary folders; the root hook calls it. */
export async function stopSharedServers(): Promise<void> {
  const ending = [...started.values()].map(async (server) => (await server).stop());
  started.clear();
  const ended = await Promise.allSettled(ending);
  await killChildren();
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 5 })));
  const failed = ended.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
