import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { Appliance } from '../../local/appliance.ts';
import { type Child, startChild } from '../../local/server/child-process.ts';
import { freePort, LOOPBACK } from '../../local/server/free-port.ts';

/** The first call of a part and what it is sent. */
export interface FirstCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A process of a part, beside the one of the appliance. */
export interface PartProcess {
  readonly port: number;
  readonly pid: number;
  /** From the start of the process to the end of its first answer. */
  readonly milliseconds: number;
  /** The first answer. */
  readonly body: unknown;
  stop(): Promise<void>;
}

const TRY_EVERY_MS = 5;
const LONGEST_MS = 20_000;
const HEALTHY: FirstCall = { method: 'GET', path: '/healthz' };

/**
 * Starts another process of a function or of the connector, with program and environment of the one that runs, and calls
 * it until it answers, as the watchdog's callers do.
 *
 * @param environment what this process has otherwise than the one that runs
 */
export async function startAgain(
  { processes }: Appliance,
  name: string,
  call: FirstCall = HEALTHY,
  environment: Readonly<Record<string, string>> = {},
): Promise<PartProcess> {
  const pid = processes.find((process) => process.name === name)?.pid;
  const [[, ...args], variables] = [await entriesOf(pid, 'cmdline'), await entriesOf(pid, 'environ')];
  const inherited = Object.fromEntries(variables.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
  const port = await freePort();
  const env = { ...inherited, http_port: String(port), HTTP_PORT: String(port), ...environment };
  const started = performance.now();
  const child = await startChild({ name, command: process.execPath, args, env });
  try {
    const body = await callUntilAnswered(child, `http://${LOOPBACK}:${port}${call.path}`, call, started);
    return { port, pid: child.pid, milliseconds: performance.now() - started, body, stop: () => child.stop() };
  } catch (error) {
    await child.stop();
    throw error;
  }
}

async function entriesOf(pid: number | undefined, file: 'cmdline' | 'environ'): Promise<string[]> {
  const text = await readFile(`/proc/${pid}/${file}`, 'utf8');
  return text.split('\0').filter((entry) => entry !== '');
}

async function callUntilAnswered(child: Child, url: string, call: FirstCall, started: number): Promise<unknown> {
  for (;;) {
    const { method, headers = {}, body } = call;
    const answer = await request(url, { method, headers, body: body ?? null }).catch((error: unknown) => {
      // Nobody listens yet.
      if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return undefined;
      throw error;
    });
    const text = await answer?.body.text();
    if (answer?.statusCode === 200) return parse(text ?? '');
    if (performance.now() - started > LONGEST_MS || !child.running) {
      throw new Error(
        `${child.name} did not answer: ${text}\n${child.log
          .last(20)
          .map((line) => line.text)
          .join('\n')}`,
      );
    }
    await delay(TRY_EVERY_MS);
  }
}

function parse(text: string): unknown {
  return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
}
