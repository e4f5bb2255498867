// The set-up, and then the command: `node setup/run.mjs [--servers NAME,NAME] [COMMAND [ARGUMENT…]]`.
//
// Plain JavaScript for Node 20 and later, because it is what runs before anything is installed. It installs node_modules
// when they differ from the lockfile, then the servers that the command needs, and then runs the command with the
// clone's own Node (npm package `node`).
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
// The machine's own Node may be first on PATH: what is spawned here must find the clone's.
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`box: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function main(args) {
  const servers = args[0] === '--servers' ? args.splice(0, 2)[1].split(',') : [];
  if (!installed()) {
    mkdirSync(join(root, '.box'), { recursive: true });
    await withLock(join(root, '.box', 'install.lock'), install);
  }
  linkBox();
  if (servers.length > 0) {
    const status = await run(join(bin, 'node'), [join(root, 'setup', 'install-servers.ts'), ...servers]);
    if (status !== 0) return status;
  }
  const [command, ...rest] = args;
  if (command === undefined) return 0;
  if (/\.m?[jt]s$/.test(command)) return run(join(bin, 'node'), [resolve(root, command), ...rest]);
  return run(join(bin, command), rest);
}

/** Whether node_modules holds what the lockfile says: npm leaves a lockfile of what it installed in there, last of all. */
function installed() {
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden) || !existsSync(join(bin, 'node'))) return false;
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const there = packagesOf(hidden);
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = there[path];
    // Optional packages are the native builds for other platforms.
    return found === undefined ? optional === true : found.version === version && found.integrity === integrity;
  });
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
}

async function install() {
  if (installed()) return;
  console.error('box: installing node_modules from the lockfile (about 1 min, once)…');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  const status = npm ? await run(process.execPath, [npm, ...args]) : await run('npm', args);
  if (status !== 0) throw new Error(`Cannot install node_modules: npm ci must end with 0, got ${status}`);
  if (!installed())
    throw new Error('Cannot install node_modules: what npm ci installed differs from package-lock.json');
}

/** Makes `npx box` run the clone's own command line: npm links the commands of dependencies, but not the clone's. */
function linkBox() {
  const link = join(bin, 'box');
  if (existsSync(link) || !existsSync(join(root, 'cli', 'box.ts'))) return;
  try {
    symlinkSync(join('..', '..', 'cli', 'box.ts'), link);
  } catch (error) {
    // Another set-up of the same clone was faster.
    if (error.code !== 'EEXIST') throw error;
  }
}

/** Runs a command to its end, passing signals on to it, and gives its exit status as a shell would. */
function run(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const pass = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, pass);
    child.on('error', (error) => fail(new Error(`Cannot run ${command}: ${error.message}`)));
    child.on('exit', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      done(code ?? 128 + constants.signals[signal]);
    });
  });
}
