/**
 * Installs the servers named on the command line, those that the machine lacks:
 * `node setup/install-servers.ts nats-server minio rabbitmq`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildServer } from './build-server.ts';
import { cacheFolder, findServer, isServerName } from './find-server.ts';
import { findRabbitmq, installRabbitmq } from './install-rabbitmq.ts';
import { withLock } from './lock.mjs';

const say = (line: string): void => console.error(`box: ${line}`);

try {
  for (const name of process.argv.slice(2)) await install(name);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function install(name: string): Promise<void> {
  if (!isServerName(name) && name !== 'rabbitmq') throw new Error(`Cannot install ${name}: no such server is known`);
  const find = async () => (name === 'rabbitmq' ? findRabbitmq(process.env) : findServer(name, process.env));
  if ((await find()) !== undefined) return;
  const folder = cacheFolder(process.env);
  await mkdir(folder, { recursive: true });
  // Two clones that need the same server: the second waits, and then finds what the first has built.
  await withLock(join(folder, `${name}.lock`), async () => {
    if ((await find()) !== undefined) return;
    await (name === 'rabbitmq' ? installRabbitmq(process.env, say) : buildServer(name, process.env, say));
  });
}
