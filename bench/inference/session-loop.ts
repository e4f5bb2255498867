import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** `session.run` by itself, one after the other in one thread: runs per second, and processor time for each. */
export interface SessionLoop {
  measure(forMs: number): Promise<{ readonly perSecond: number; readonly processorMs: number }>;
  close(): Promise<void>;
}

/** @param input the model's one input, for one row */
export function openSessionLoop(
  file: string,
  input: { readonly name: string; readonly shape: readonly number[] },
): SessionLoop {
  const worker = new Worker(new URL('../floor/session-loop.worker.ts', import.meta.url), {
    workerData: { file, input },
  });
  return {
    async measure(forMs) {
      worker.postMessage(forMs);
      const [[perSecond, processorMs]] = (await once(worker, 'message')) as [[number, number]];
      return { perSecond, processorMs };
    },
    async close() {
      await worker.terminate();
    },
  };
}
