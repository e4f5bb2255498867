import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '#lib/error/box-error.ts';
import { type Child, type ChildExit, type ChildOptions, startChild } from '../server/child-process.ts';
import { LogBuffer } from '../server/log-buffer.ts';

export interface SuperviseOptions extends Omit<ChildOptions, 'log'> {
  /** Called with each line that the process prints, and with undefined when it has ended. */
  readonly onLine?: (line: string | undefined) => void;
  /** Whether the process that has just ended had done its work; left out, whether it ran for two seconds. */
  readonly wasWell?: () => boolean;
  /** Told when the process has ended by itself and when it is started again. */
  readonly onRestart?: (exit: ChildExit, delayMs: number) => void;
}

/** A process that is kept up. */
export interface Supervised {
  readonly name: string;
  readonly log: LogBuffer;
  /** The process that runs now; undefined between two. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Ends it for good: SIGTERM, then SIGKILL. */
  stop(): Promise<void>;
}

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 5_000;

const WELL_AFTER_MS = 2_000;

/**
 * Starts a process and starts it again whenever it ends: after 50 ms when it had been well, after up to 5 s when it keeps
 * failing.
 */
export function supervise(options: SuperviseOptions): Supervised {
  const log = new LogBuffer();
  const stopping = new AbortController();
  let child: Child | undefined;
  let restarts = 0;
  if (options.onLine !== undefined) {
    const { onLine } = options;
    log.follow(({ text }) => onLine(text));
  }

  async function keepUp(): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const exit = await runOnce();
      const wasWell = options.wasWell?.() ?? performance.now() - startedAt > WELL_AFTER_MS;
      options.onLine?.(undefined);
      if (stopping.signal.aborted) return;
      failures = wasWell ? 0 : failures + 1;
      const delayMs = restartDelayMs(failures);
      log.add(`(${options.name} ended with ${exit.signal ?? exit.code} and is started again in ${delayMs} ms)`);
      options.onRestart?.(exit, delayMs);
      await delay(delayMs, undefined, { signal: stopping.signal }).catch(ignoreAbort);
      restarts += 1;
    }
  }

  async function runOnce(): Promise<ChildExit> {
    try {
      child = await startChild({ ...options, log });
      if (stopping.signal.aborted) await child.stop();
      return await child.exited;
    } catch (error) {
      log.add(errorText(error));
      return { code: 127, signal: null };
    } finally {
      child = undefined;
    }
  }

  const ended = keepUp();
  return {
    name: options.name,
    log,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    async stop() {
      stopping.abort();
      await child?.stop();
      await ended;
    },
  };
}

function restartDelayMs(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS);
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
