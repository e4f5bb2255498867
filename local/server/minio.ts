import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { serverBinary } from './binary.ts';
import { startChild } from './child-process.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import type { LogBuffer } from './log-buffer.ts';
import type { RunningServer, ServerOptions } from './running-server.ts';
import { untilReady } from './until-ready.ts';

export interface S3Options extends ServerOptions {
  /** The root user (default `box` with a secret made up at the start). The secret takes at least 8 characters. */
  readonly accessKey?: string;
  readonly secretKey?: string;
}

/** An S3 server; buckets are addressed by path. */
export interface S3Server extends RunningServer {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Starts MinIO with its objects in `dataDir` and resolves once it serves. */
export async function startMinio(options: S3Options): Promise<S3Server> {
  const accessKey = options.accessKey ?? 'box';
  const secretKey = options.secretKey ?? randomBytes(16).toString('hex');
  const drive = join(options.dataDir, 'drive');
  await mkdir(drive, { recursive: true });
  const child = await startChild({
    name: 'minio',
    command: await serverBinary('minio'),
    args: [
      'server',
      ...['--address', `${LOOPBACK}:${options.port ?? (await freePort())}`],
      // Its own place is in the home folder of the user.
      ...['--certs-dir', join(options.dataDir, 'certs')],
      drive,
    ],
    env: {
      ...process.env,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      // As on a board: Prometheus reads them without a password.
      MINIO_PROMETHEUS_AUTH_TYPE: 'public',
    },
    ...(options.logFile !== undefined && { logFile: options.logFile }),
  });
  const port = await untilReady(child, async () => announcedPort(child.log));
  return {
    endpoint: `http://${LOOPBACK}:${port}`,
    port,
    region: 'us-east-1',
    accessKey,
    secretKey,
    pid: child.pid,
    exited: child.exited,
    stop: child.stop,
    kill: child.kill,
  };
}

/** The port in the line that MinIO prints once it serves. */
function announcedPort(log: LogBuffer): number {
  for (const { text } of log.last(50)) {
    const port = /^API: http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('it does not serve yet');
}
