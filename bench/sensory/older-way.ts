import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, findOnPath } from '../../setup/find-server.ts';
import { withLock } from '../../setup/lock.mjs';
import { temporaryFolder, uniqueName } from '../../test/support/servers.ts';

const run = promisify(execFile);
const PROGRAM = join(import.meta.dirname, 'older_way.py');
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');

/** The older service and its trainer, in Python. */
export interface OlderWay {
  /** Samples a second of the older processor's own work: read, decode, resize, JSON. No queue, no trainer. */
  work(): Promise<number>;
  /** Samples a second from file to array in a trainer, through RabbitMQ, processor and trainer at once. */
  throughQueue(): Promise<number>;
}

/**
 * Writes the pictures as files for the older way.
 *
 * @throws Error when Python or its packages cannot be had here
 */
export async function openOlderWay(pictures: readonly Buffer[], side: number, amqpUrl: string): Promise<OlderWay> {
  const python = process.env.BENCH_PYTHON ?? (await environment());
  const folder = await temporaryFolder('older-way');
  for (const [n, picture] of pictures.entries()) await writeFile(join(folder, `${n}.png`), picture);
  return {
    async work() {
      const { stdout } = await run(python, [PROGRAM, 'work', folder, String(side)]);
      return Number(stdout);
    },
    async throughQueue() {
      const queue = uniqueName('older');
      // The trainer first: it makes the queue.
      const trainer = await begin(python, ['train', String(pictures.length), amqpUrl, queue]);
      const processor = await begin(python, ['process', folder, String(side), amqpUrl, queue]);
      const started = performance.now();
      await Promise.all([trainer, processor].map((end) => end()));
      return pictures.length / ((performance.now() - started) / 1000);
    },
  };
}

/** Starts one end of the queue and waits until it is ready; gives what lets it begin and resolves at its end. */
async function begin(python: string, args: readonly string[]): Promise<() => Promise<unknown>> {
  const running = run(python, [PROGRAM, ...args]);
  const { child } = running;
  await Promise.race([running, new Promise((resolve) => child.stdout?.once('data', resolve))]);
  return () => {
    child.stdin?.write('\n');
    return running;
  };
}

/** The Python of an environment with what the older way needs; it is made the first time. */
async function environment(): Promise<string> {
  const wanted = await readFile(REQUIREMENTS, 'utf8');
  const cache = cacheFolder(process.env);
  const folder = join(cache, 'older-way');
  const note = join(folder, 'requirements.txt');
  const python = join(folder, 'bin', 'python3');
  await mkdir(cache, { recursive: true });
  return withLock(join(cache, 'older-way.lock'), async () => {
    if ((await readFile(note, 'utf8').catch(() => '')) === wanted) return python;
    const system = findOnPath('python3', process.env);
    if (system === undefined) throw new Error('there is no python3 on PATH');
    console.error(`box: Pillow, numpy and pika are installed in ${folder}, once`);
    await run(system, ['-m', 'venv', '--clear', folder]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '-r', REQUIREMENTS]);
    // Last: what broke off half way is begun again.
    await writeFile(note, wanted);
    return python;
  });
}
