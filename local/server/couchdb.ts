import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from './child-process.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import type { LogBuffer } from './log-buffer.ts';
import type { RunningServer, ServerOptions } from './running-server.ts';
import { untilReady } from './until-ready.ts';

export interface CouchdbOptions extends ServerOptions {
  /** The administrator (default `admin` with a password made up at the start). */
  readonly user?: string;
  readonly password?: string;
}

export interface CouchdbServer extends RunningServer {
  /** `http://USER:PASSWORD@127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const PROCESS = fileURLToPath(new URL('couchdb-process.ts', import.meta.url));

/** Starts the stand-in for CouchDB with its databases in `dataDir` and resolves once it answers. */
export async function startCouchdb(options: CouchdbOptions): Promise<CouchdbServer> {
  const user = options.user ?? 'admin';
  const password = options.password ?? randomBytes(16).toString('hex');
  await mkdir(options.dataDir, { recursive: true });
  const child = await startChild({
    name: 'couchdb',
    command: process.execPath,
    args: [PROCESS, options.dataDir, String(options.port ?? (await freePort()))],
    // pouchdb-all-dbs leaves a file of its own in the working folder.
    cwd: options.dataDir,
    env: { ...process.env, COUCHDB_USER: user, COUCHDB_PASSWORD: password },
    ...(options.logFile !== undefined && { logFile: options.logFile }),
  });
  const port = await untilReady(child, async () => listeningPort(child.log));
  return {
    url: `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${LOOPBACK}:${port}`,
    port,
    user,
    password,
    pid: child.pid,
    exited: child.exited,
    stop: child.stop,
    kill: child.kill,
  };
}

/** The port that the process says it listens on. */
function listeningPort(log: LogBuffer): number {
  for (const { text } of log.last(50)) {
    const port = /^listening on (\d+)$/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('it does not listen yet');
}
