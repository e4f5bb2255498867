import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '#lib/error/box-error.ts';
import type { RunningServer } from './running-server.ts';

export interface KeepServerOptions<S> {
  /** Starts it on that port; undefined is any free one. */
  readonly start: (port: number | undefined) => Promise<S>;
  readonly port: number | undefined;
  /** Told why it is started again. */
  readonly onRestart: (reason: string) => void;
}

/** A server that is started again, on the same port and data, whenever it ends by itself. */
export interface KeptServer<S> {
  readonly current: S;
  stop(): Promise<void>;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

/** Starts a server and keeps it up. Rejects when the first start fails. */
export async function keepServer<S extends RunningServer & { readonly port: number }>(
  options: KeepServerOptions<S>,
): Promise<KeptServer<S>> {
  let current = await options.start(options.port);
  const { port } = current;
  const stopping = new AbortController();

  async function keepUp(): Promise<void> {
    let delayMs = FIRST_DELAY_MS;
    for (;;) {
      const { code, signal } = await current.exited;
      if (stopping.signal.aborted) return;
      options.onRestart(`it ended with ${signal ?? code}`);
      while (!stopping.signal.aborted && !(await startAgain())) {
        await delay(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
        delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS);
      }
    }
  }

  async function startAgain(): Promise<boolean> {
    try {
      current = await options.start(port);
      if (stopping.signal.aborted) await current.stop();
      return true;
    } catch (error) {
      options.onRestart(errorText(error));
      return false;
    }
  }

  const ended = keepUp();
  return {
    get current() {
      return current;
    },
    async stop() {
      stopping.abort();
      await current.stop();
      await ended;
    },
  };
}
