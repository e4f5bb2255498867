/**
 * Installs the servers named on the command line, those that the machine lacks:
 * `node setup/install-servers.ts nats-server minio rabbitmq`; `arm64` is what runs programs for another
 * platform, `python3` what the Python client is tested with, `python-converter` and `python-test` the
 * Python environments that convert TensorFlow graphs and that the tests run.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildServer } from './build-server.ts';
import { cacheFolder, findOnPath, findServer, isServerName } from './find-server.ts';
import { findArm64, installArm64 } from './install-arm64.ts';
import { installDebianPackage } from './install-debian-package.ts';
import { findRabbitmq, installRabbitmq } from './install-rabbitmq.ts';
import { withLock } from './lock.mjs';
import { findPythonOf, makePythonOf } from './python-environment.ts';
import { runToEnd } from './run-to-end.ts';

const say = (line: string): void => console.error(`box: ${line}`);

try {
  for (const name of process.argv.slice(2)) await install(name);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

interface Installer {
  find(): Promise<unknown>;
  install(): Promise<void>;
}

function installerOf(name: string): Installer {
  const { env } = process;
  if (name === 'rabbitmq') return { find: async () => findRabbitmq(env), install: () => installRabbitmq(env, say) };
  if (name === 'arm64') return { find: async () => findArm64(env), install: () => installArm64(env, say) };
  if (name === 'python3') {
    return { find: async () => findOnPath(name, env), install: () => installDebianPackage(name, env, say) };
  }
  if (name === 'python-converter' || name === 'python-test') {
    const environment = name === 'python-test' ? 'test' : 'converter';
    return {
      find: async () => findPythonOf(environment, env),
      async install() {
        await installVenv(env);
        await makePythonOf(environment, env, say);
      },
    };
  }
  if (isServerName(name)) return { find: () => findServer(name, env), install: () => buildServer(name, env, say) };
  throw new Error(`Cannot install ${name}: no such server is known`);
}

/** Debian's Python comes without what makes environments. */
async function installVenv(env: NodeJS.ProcessEnv): Promise<void> {
  const python = findOnPath('python3', env);
  if (python === undefined || findOnPath('apt-get', env) === undefined) return;
  const { status } = await runToEnd(python, ['-c', 'import ensurepip, venv'], env);
  if (status !== 0) await installDebianPackage('python3-venv', env, say);
}

async function install(name: string): Promise<void> {
  const installer = installerOf(name);
  if ((await installer.find()) !== undefined) return;
  const folder = cacheFolder(process.env);
  await mkdir(folder, { recursive: true });
  // Two clones that need the same server: the second waits, and then finds what the first has built.
  await withLock(join(folder, `${name}.lock`), async () => {
    if ((await installer.find()) === undefined) await installer.install();
  });
}
