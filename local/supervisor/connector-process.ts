import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { ChildExit } from '../server/child-process.ts';
import { LOOPBACK } from '../server/free-port.ts';
import { parseJsonLine } from './json-line.ts';
import { type Supervised, supervise } from './supervise.ts';

export interface ConnectorProcessOptions {
  /** Its program. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The port of its health and metrics; undefined is any free one. */
  readonly port: number | undefined;
  readonly logFile: string;
  readonly onRestart: (exit: ChildExit, delayMs: number) => void;
}

/** The connector as a process of this machine. */
export interface ConnectorProcess {
  readonly process: Supervised;
  /** Where `/healthz` and `/metrics` are, once it is ready. */
  url(): string;
  /** Resolves when it works. */
  untilReady(signal: AbortSignal): Promise<void>;
}

/** Longer than the connector gives its batches in flight. */
const STOP_TIMEOUT_MS = 12_000;
const POLL_MS = 50;

export function startConnector(options: ConnectorProcessOptions): ConnectorProcess {
  let port: number | undefined;
  const process = supervise({
    name: 'connector',
    command: globalThis.process.execPath,
    args: [options.program],
    env: { ...options.environment, HTTP_PORT: String(options.port ?? 0) },
    stopTimeoutMs: STOP_TIMEOUT_MS,
    logFile: options.logFile,
    onRestart: options.onRestart,
    onLine(line) {
      const said = line === undefined ? undefined : parseJsonLine(line);
      if (said?.msg === 'started' && typeof said.port === 'number') port = said.port;
    },
  });
  const url = (): string => `http://${LOOPBACK}:${port}`;
  return {
    process,
    url,
    async untilReady(signal) {
      while (port === undefined || !(await isHealthy(url(), signal))) await delay(POLL_MS, undefined, { signal });
    },
  };
}

async function isHealthy(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${url}/healthz`, { signal });
    await body.dump();
    return statusCode === 200;
  } catch (error) {
    signal.throwIfAborted();
    // It is being started: nobody listens yet.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
