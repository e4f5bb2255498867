import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { BoxError } from '#lib/error/box-error.ts';
import { guard } from './guard.ts';
import { LogBuffer } from './log-buffer.ts';

export interface ChildOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Its environment (default this process's own). */
  readonly env?: NodeJS.ProcessEnv;
  /** Where its output is kept beside `log`; appended to. */
  readonly logFile?: string;
  /** The lines that it prints go here; one of its own when left out. */
  readonly log?: LogBuffer;
  /** How long SIGTERM may take before SIGKILL follows (default 5 s). */
  readonly stopTimeoutMs?: number;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that was started and is watched to its end. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly log: LogBuffer;
  /** Settles when the process has ended and its output is read; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly running: boolean;
  /** SIGTERM, and SIGKILL when that takes too long. Resolves once the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL. Resolves once the process is gone. */
  kill(): Promise<void>;
}

const DEFAULT_STOP_TIMEOUT_MS = 5_000;

const children = new Set<Child>();

/** Ends, as by SIGKILL, every process that was started here and still runs. */
export async function killChildren(): Promise<void> {
  await Promise.all([...children].map((child) => child.kill()));
}

/**
 * Starts a process in a process group of its own, so that a Ctrl-C at the terminal reaches only the one who started it,
 * who then stops its children in order.
 *
 * @throws BoxError `unavailable` when it cannot be started at all.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const process = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  try {
    await once(process, 'spawn');
  } catch (error) {
    throw new BoxError('unavailable', `Cannot start ${options.name}: ${options.command} must be runnable`, {
      cause: error,
    });
  }
  return watch(process, options);
}

function watch(process: ChildProcess, options: ChildOptions): Child {
  const pid = process.pid ?? 0;
  const log = options.log ?? new LogBuffer();
  let running = true;
  guard().started(pid);
  const output = keepOutput(process, log, options.logFile);
  const exited = once(process, 'exit').then(async ([code, signal]): Promise<ChildExit> => {
    running = false;
    children.delete(child);
    // What it left in its group goes with it: nothing outlives the one that was started.
    signalGroup(pid, 'SIGKILL');
    guard().ended(pid);
    await output;
    return { code, signal };
  });

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (running) signalGroup(pid, signal);
    const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), options.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }

  const child: Child = {
    name: options.name,
    pid,
    log,
    exited,
    get running() {
      return running;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
  children.add(child);
  return child;
}

async function keepOutput(process: ChildProcess, log: LogBuffer, logFile: string | undefined): Promise<void> {
  const file: WriteStream | undefined = logFile === undefined ? undefined : createWriteStream(logFile, { flags: 'a' });
  const streams = [process.stdout, process.stderr].filter((stream) => stream !== null);
  await Promise.all(
    streams.map(async (stream) => {
      for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
        log.add(line);
        file?.write(`${line}\n`);
      }
    }),
  );
  if (file !== undefined) {
    file.end();
    await finished(file);
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
