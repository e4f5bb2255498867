import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What one client asks for, again and again. */
export interface Load {
  readonly port: number;
  /** The server's process. */
  readonly pid: number;
  /** Whole requests, head and body, sent in turn. */
  readonly requests: readonly Uint8Array[];
  /** Connections, each with one request in flight. */
  readonly connections: number;
  readonly forMs: number;
}

export interface Measured {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the client for each request, in milliseconds: it has no more than two cores to share with the server. */
  readonly clientMs: number;
  /** The same of the server, all of its threads; undefined where the system does not tell. */
  readonly serverMs: number | undefined;
}

export type LoadReply = { readonly measured: Measured } | { readonly error: string };

/** A client in a thread of its own, over plain sockets: it is to take as little of the machine as can be. */
export interface LoadClient {
  /** @throws Error with the answer when one is none of success */
  measure(load: Load): Promise<Measured>;
  close(): Promise<void>;
}

export function openLoadClient(): LoadClient {
  const worker = new Worker(new URL('./load-client.worker.ts', import.meta.url));
  return {
    async measure(load) {
      worker.postMessage(load);
      const [reply] = (await once(worker, 'message')) as [LoadReply];
      if ('error' in reply) throw new Error(reply.error);
      return reply.measured;
    },
    async close() {
      await worker.terminate();
    },
  };
}
