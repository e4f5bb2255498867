import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { type Child, startChild } from '../../local/server/child-process.ts';
import { freePort, LOOPBACK } from '../../local/server/free-port.ts';

/** The first call of a part and what it is sent. */
export interface FirstCall {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface StartedPart {
  readonly name: string;
  readonly args: readonly string[];
  /** Its environment when it is to listen on that port. */
  readonly environment: (port: number) => Readonly<Record<string, string>>;
  readonly call: FirstCall;
}

export interface FirstAnswer {
  /** From the start of the process to the end of the first answer. */
  readonly milliseconds: number;
  readonly body: unknown;
}

const TRY_EVERY_MS = 5;
const LONGEST_MS = 20_000;

/** Starts a process and calls it until it answers, as the watchdog's callers do; ends it again. */
export async function firstAnswer({ name, args, environment, call }: StartedPart): Promise<FirstAnswer> {
  const port = await freePort();
  const started = performance.now();
  const child = await startChild({ name, command: process.execPath, args, env: environment(port) });
  try {
    const body = await callUntilAnswered(child, `http://${LOOPBACK}:${port}${call.path}`, call, started);
    return { milliseconds: performance.now() - started, body };
  } finally {
    await child.stop();
  }
}

async function callUntilAnswered(child: Child, url: string, call: FirstCall, started: number): Promise<unknown> {
  for (;;) {
    const { method, headers, body } = call;
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
