import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { startChild } from '../../local/server/child-process.ts';
import { freePort, LOOPBACK } from '../../local/server/free-port.ts';
import { cacheFolder, findOnPath } from '../../setup/find-server.ts';
import { withLock } from '../../setup/lock.mjs';
import { runToEnd } from '../../setup/run-to-end.ts';
import type { BenchModel } from './make-model.ts';

const HERE = join(import.meta.dirname, 'mlserver');
const READY_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 100;

/** Seldon's MLServer with the same models. */
export interface MlServer {
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

/**
 * Starts MLServer as its users do for speed: in one process (its pool of workers is slower for small models), without
 * logs of requests. It lives in a Python environment of its own in the user's cache folder.
 *
 * @param fileOf the ONNX file of a model
 * @throws Error when Python or its packages cannot be had here
 */
export async function startMlServer(
  folder: string,
  models: readonly BenchModel[],
  fileOf: (name: string) => string,
): Promise<MlServer> {
  const python = await environment();
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  await writeJson(folder, 'settings.json', {
    host: LOOPBACK,
    http_port: port,
    grpc_port: grpcPort,
    metrics_port: metricsPort,
    parallel_workers: 0,
    debug: false,
  });
  for (const { name } of models) {
    await writeJson(join(folder, name), 'model-settings.json', {
      name,
      implementation: 'onnx_model.OnnxModel',
      parameters: { uri: fileOf(name) },
    });
  }
  const env = { ...process.env, PYTHONPATH: HERE, PYTHONDONTWRITEBYTECODE: '1' };
  const command = join(dirname(python), 'mlserver');
  const child = await startChild({ name: 'MLServer', command, args: ['start', folder], env, cwd: folder });
  const began = performance.now();
  while (!(await isReady(port))) {
    if (!child.running || performance.now() - began > READY_WITHIN_MS) {
      await child.stop();
      const said = child.log.last(30).map(({ text }) => text);
      throw new Error(`MLServer did not start: ${said.join('\n')}`);
    }
    await delay(LOOK_EVERY_MS);
  }
  return { port, pid: child.pid, close: () => child.stop() };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`http://${LOOPBACK}:${port}/v2/health/ready`);
    await body.dump();
    return statusCode === 200;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return false;
    throw error;
  }
}

/** The Python of an environment that has MLServer; it is made the first time. */
async function environment(): Promise<string> {
  const wanted = await readFile(join(HERE, 'requirements.txt'), 'utf8');
  const version = /^mlserver==(.+)$/m.exec(wanted)?.[1] ?? '';
  const cache = cacheFolder(process.env);
  const folder = join(cache, `mlserver-${version}`);
  const note = join(folder, 'requirements.txt');
  const python = join(folder, 'bin', 'python3');
  await mkdir(cache, { recursive: true });
  return withLock(join(cache, 'mlserver.lock'), async () => {
    if ((await readFile(note, 'utf8').catch(() => '')) === wanted) return python;
    const system = findOnPath('python3', process.env);
    if (system === undefined) throw new Error('there is no python3 on PATH');
    console.error(`box: MLServer ${version} is installed in ${folder}, a minute or two`);
    await run(system, ['-m', 'venv', '--clear', folder]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '-r', join(HERE, 'requirements.txt')]);
    // Last: what broke off half way is begun again.
    await writeFile(note, wanted);
    return python;
  });
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const { status, output } = await runToEnd(command, args, process.env);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${output.slice(-1000)}`);
}

async function writeJson(folder: string, name: string, value: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), JSON.stringify(value));
}
