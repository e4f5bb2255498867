import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { findOnPath } from './find-server.ts';
import { runToEnd } from './run-to-end.ts';

/**
 * Installs a package of Debian without starting its service.
 *
 * @throws Error with the command to give, when this user may not install packages.
 */
export async function installDebianPackage(
  name: string,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  const install = ['install', '-y', '--no-install-recommends', name];
  const aptGet = findOnPath('apt-get', env);
  if (aptGet === undefined) throw new Error(`Cannot install ${name}: apt-get is missing; put ${name} on PATH`);
  if (process.getuid?.() !== 0) {
    throw new Error(
      `Cannot install ${name}: only root may, got user ${process.getuid?.()}; give: sudo apt-get ${install.join(' ')}`,
    );
  }
  say(`installing ${name} with apt-get (about 1 min, once)…`);
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  // The lists of a fresh machine are empty. If a mirror of several fails, the installation may still work.
  const update = await runToEnd(aptGet, [...wait, 'update'], aptEnv);
  const done = await withoutServices(() => runToEnd(aptGet, [...wait, ...install], aptEnv));
  if (done.status !== 0) {
    const output = [update.status === 0 ? '' : update.output, done.output].join('\n').trim();
    throw new Error(`Cannot install ${name}: apt-get must end with 0, got ${done.status}\n${output}`);
  }
}

/** Does `work` while Debian's policy for packages is to start no service. */
async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    await rm(policy, { force: true });
  }
}
