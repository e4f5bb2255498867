import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from 'undici';
import { serverBinary } from './binary.ts';
import { startChild } from './child-process.ts';
import { freePort, LOOPBACK } from './free-port.ts';
import type { S3Options, S3Server } from './minio.ts';
import { untilReady } from './until-ready.ts';

/** Starts Versity's S3 gateway over plain files in `dataDir`: the second S3 server that the project is tested with. */
export async function startVersitygw(options: S3Options): Promise<S3Server> {
  const port = options.port ?? (await freePort());
  const accessKey = options.accessKey ?? 'box';
  const secretKey = options.secretKey ?? randomBytes(16).toString('hex');
  const objects = join(options.dataDir, 'objects');
  const metadata = join(options.dataDir, 'metadata');
  await mkdir(objects, { recursive: true });
  await mkdir(metadata, { recursive: true });
  const child = await startChild({
    name: 'versitygw',
    command: await serverBinary('versitygw'),
    // With its metadata in files beside: not every file system that tests run on has extended attributes.
    args: ['--port', `${LOOPBACK}:${port}`, '--keep-alive', 'posix', '--sidecar', metadata, objects],
    env: { ...process.env, ROOT_ACCESS_KEY_ID: accessKey, ROOT_SECRET_ACCESS_KEY: secretKey },
    ...(options.logFile !== undefined && { logFile: options.logFile }),
  });
  const endpoint = `http://${LOOPBACK}:${port}`;
  await untilReady(child, async (signal) => {
    const { body } = await request(endpoint, { signal });
    await body.dump();
  });
  return {
    endpoint,
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
