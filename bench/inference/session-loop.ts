import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BenchModel } from './make-model.ts';

/** `session.run` by itself, one after the other in one thread: runs per second, and processor time for each. */
export interface SessionLoop {
  measure(forMs: number): Promise<{ readonly perSecond: number; readonly processorMs: number }>;
  close(): Promise<void>;
}

export function openSessionLoop(file: string, { shape }: BenchModel): SessionLoop {
  const worker = new Worker(new URL('../floor/session-loop.worker.ts', import.meta.url), {
    workerData: { file, input: { name: 'x', shape } },
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
