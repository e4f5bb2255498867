import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { cacheFolder, findOnPath } from './find-server.ts';
import { withLock } from './lock.mjs';
import { runToEnd } from './run-to-end.ts';

/** The environments that there are, each with a file of packages whose versions are pinned. */
const ENVIRONMENTS = {
  converter: {
    requirements: new URL('../functions/converter/requirements.txt', import.meta.url),
    purpose: 'converts TensorFlow graphs',
    effort: '1 to 5 min, 1.7 GB, once',
  },
  test: {
    requirements: new URL('../test/python/requirements.txt', import.meta.url),
    purpose: 'the tests run',
    effort: 'about 20 s, 0.2 GB, once',
  },
} as const;

export type PythonEnvironment = keyof typeof ENVIRONMENTS;

/** The versions of Python that there are TensorFlow packages for, as 3.x. */
const OLDEST_MINOR = 11;
const NEWEST_MINOR = 13;
const LINES_OF_FAILURE = 12;

/** The interpreter of an environment; undefined when it was not made yet. */
export function findPythonOf(name: PythonEnvironment, env: NodeJS.ProcessEnv): string | undefined {
  const python = join(environmentFolder(name, env), 'bin', 'python');
  return existsSync(python) ? python : undefined;
}

/** Whether the environment is there, or a Python that it can be made with. */
export async function canMakePythonOf(name: PythonEnvironment, env: NodeJS.ProcessEnv): Promise<boolean> {
  return findPythonOf(name, env) !== undefined || typeof (await findPython(env)) === 'string';
}

/**
 * Makes a Python environment in the user's cache folder, unless it is there already; gives its interpreter. Packages come
 * from wherever this user's pip is told to get them.
 *
 * @param say told in one line each what is done
 * @throws Error with what to do, when there is no fitting Python or pip fails
 */
export async function makePythonOf(
  name: PythonEnvironment,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const found = findPythonOf(name, env);
  if (found !== undefined) return found;
  await mkdir(cacheFolder(env), { recursive: true });
  // Two that need it at the same time: the second waits, and then finds what the first has made.
  const lock = join(cacheFolder(env), `python-${name}.making.lock`);
  return withLock(lock, async () => findPythonOf(name, env) ?? (await make(name, env, say, signal)));
}

/** By what is in it: another list of packages is another environment. */
function environmentFolder(name: PythonEnvironment, env: NodeJS.ProcessEnv): string {
  const packages = readFileSync(ENVIRONMENTS[name].requirements);
  const version = createHash('sha256').update(packages).digest('hex').slice(0, 12);
  return join(cacheFolder(env), `python-${name}-${version}`);
}

async function make(
  name: PythonEnvironment,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const { requirements, purpose, effort } = ENVIRONMENTS[name];
  const base = await findPython(env);
  if (typeof base !== 'string') throw base;
  const target = environmentFolder(name, env);
  say(`making the Python environment that ${purpose}, with ${base} (${effort})…`);
  // Made beside its place and renamed into it: one that was cut off leaves no half environment there.
  const folder = await mkdtemp(`${target}-making-`);
  try {
    await step(base, ['-m', 'venv', folder], env, () => undefined, signal);
    const pip = ['-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off'];
    const packages = ['--only-binary', ':all:', '--requirement', fileURLToPath(requirements)];
    await step(join(folder, 'bin', 'python'), [...pip, ...packages], env, sayProgress(say), signal);
    await rename(folder, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  say(`the Python environment is in ${target}`);
  return join(target, 'bin', 'python');
}

/** A Python on PATH of a version that fits, the plain name first; or why there is none. */
async function findPython(env: NodeJS.ProcessEnv): Promise<string | Error> {
  const minors = Array.from({ length: NEWEST_MINOR - OLDEST_MINOR + 1 }, (_, i) => NEWEST_MINOR - i);
  const tried: string[] = [];
  for (const name of ['python3', ...minors.map((minor) => `python3.${minor}`)]) {
    const path = findOnPath(name, env);
    if (path === undefined) continue;
    const { output } = await runToEnd(path, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], env);
    const [, major, minor] = /^(\d+)\.(\d+)$/.exec(output) ?? [];
    if (major === '3' && minors.includes(Number(minor))) return path;
    tried.push(`${name} (${major === undefined ? 'which does not run' : `${major}.${minor}`})`);
  }
  const rule = `it takes Python 3.${OLDEST_MINOR} to 3.${NEWEST_MINOR} on PATH`;
  return new Error(`Cannot make the Python environment: ${rule}, got ${tried.join(', ') || 'none'}`);
}

/** Of all that pip prints: what it fetches, which takes the time, and when it unpacks it. */
function sayProgress(say: (line: string) => void): (line: string) => void {
  return (line) => {
    const [, file, size] = /^\s*(?:Downloading|Using cached)\s+(\S+?)-[\d.]+\S*\s+\((.+)\)/.exec(line) ?? [];
    if (file !== undefined && /[MG]B/.test(size ?? '')) say(`  fetching ${file} (${size})`);
    if (line.startsWith('Installing collected packages')) say('  unpacking the packages…');
  };
}

async function step(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onLine: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const stop = signal === undefined ? {} : { signal };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...stop });
  const ended = once(child, 'close');
  const said = await lastLines(child, onLine);
  const [code] = await ended;
  if (code === 0) return;
  const hint = said.some((line) => line.includes('ensurepip')) ? ' (Debian: apt install python3-venv)' : '';
  const what = args.includes('pip') ? 'pip install' : 'python -m venv';
  throw new Error(
    `Cannot make the Python environment${hint}: ${what} must end with 0, got ${code}\n${said.join('\n')}`,
  );
}

async function lastLines(
  child: ChildProcessByStdio<null, Readable, Readable>,
  onLine: (line: string) => void,
): Promise<string[]> {
  const kept: string[] = [];
  await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => {
      for await (const line of createInterface({ input: stream })) {
        onLine(line);
        kept.push(line);
        if (kept.length > LINES_OF_FAILURE) kept.shift();
      }
    }),
  );
  return kept;
}
