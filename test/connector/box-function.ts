import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { guarded } from '../support/guarded.ts';
import type { Answer, Call, Fixture } from './fixture.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A function as a process of its own, by the template's runtime, to be killed. Resolves once it is ready. */
export async function startBoxFunction(
  name: string,
  port: number,
  fixture: Fixture,
  nodeOptions: readonly string[] = [],
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [...nodeOptions, join(ROOT, 'templates/box-node/index.ts')], {
    env: {
      PATH: process.env.PATH,
      http_port: String(port),
      function_path: join(ROOT, 'functions', name),
      GATEWAY_URL: fixture.gateway.url,
      NATS_URL: fixture.natsUrl,
      SECRETS_DIR: fixture.secretsDir,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  guarded(child);
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('"ready"')) break;
  return child;
}

/** SIGKILL; resolves when it is gone. */
export async function killBoxFunction(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** What the function answers; 502 when it is not there or goes away. */
export async function callBoxFunction(port: number, { headers, body }: Call): Promise<Answer> {
  try {
    const { 'transfer-encoding': _, connection: __, ...rest } = headers;
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: rest as Record<string, string>,
      body: new Uint8Array(body),
    });
    const type = response.headers.get('content-type') ?? 'text/plain';
    return { status: response.status, headers: { 'content-type': type }, body: await response.text() };
  } catch {
    return { status: 502, body: 'no answer' };
  }
}
