import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BenchModel } from './make-model.ts';

/** `session.run` by itself, one after the other in one thread. */
export interface SessionLoop {
  /** Runs per second. */
  measure(forMs: number): Promise<number>;
  close(): Promise<void>;
}

export function openSessionLoop(file: string, { shape }: BenchModel): SessionLoop {
  const worker = new Worker(new URL('../floor/session-loop.worker.ts', import.meta.url), {
    workerData: { file, input: { name: 'x', shape } },
  });
  return {
    async measure(forMs) {
      worker.postMessage(forMs);
      const [perSecond] = await once(worker, 'message');
      return Number(perSecond);
    },
    async close() {
      await worker.terminate();
    },
  };
}
