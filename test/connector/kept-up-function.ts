import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../../local/server/free-port.ts';
import { guarded } from '../support/guarded.ts';

/** Where a gateway could be, for a function that answers in its place. */
export async function freeUrl(): Promise<{ readonly port: number; readonly url: string }> {
  const port = await freePort();
  return { port, url: `http://127.0.0.1:${port}` };
}

/** The function of `function-process.ts`. Resolves once it listens, or has ended before. */
export async function startFunction(port: number, heapMiB?: number): Promise<ChildProcess> {
  // Who is out of memory tells so at length: that is expected of one whose memory is small.
  const [execArgv, stderr] =
    heapMiB === undefined ? ([[], 'inherit'] as const) : ([[`--max-old-space-size=${heapMiB}`], 'ignore'] as const);
  const child = fork(new URL('function-process.ts', import.meta.url), [String(port)], {
    execArgv: [...execArgv],
    stdio: ['ignore', 'inherit', stderr, 'ipc'],
    detached: true,
  });
  guarded(child);
  await Promise.race([once(child, 'message'), once(child, 'exit')]);
  return child;
}

export interface KeptUpFunction {
  /** How many processes have been started so far. */
  readonly starts: number;
  stop(): Promise<void>;
}

/** As the watchdog does: a process that ended is started again. */
export function keepUpFunction(port: number, heapMiB?: number): KeptUpFunction {
  let isWanted = true;
  let starts = 0;
  let child: ChildProcess | undefined;
  const run = async () => {
    while (isWanted) {
      starts++;
      child = await startFunction(port, heapMiB);
      if (!isWanted) child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  };
  const running = run();
  return {
    get starts() {
      return starts;
    },
    async stop() {
      isWanted = false;
      child?.kill('SIGKILL');
      await running;
    },
  };
}
