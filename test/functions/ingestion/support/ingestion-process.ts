import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '../../../../local/server/free-port.ts';
import type { Answer, Call, Fixture } from '../../../connector/fixture.ts';

const ROOT = join(import.meta.dirname, '../../../..');

/** Function ingestion as a process of its own, by the template's runtime, to be killed. */
export interface IngestionProcess {
  /** What the function answers; 502 when it is not there or goes away. */
  readonly forward: (call: Call) => Promise<Answer>;
  /** SIGKILL, and a new one. */
  readonly restart: () => Promise<void>;
  readonly kill: () => Promise<void>;
}

export async function startIngestion(fixture: Fixture): Promise<IngestionProcess> {
  const port = await freePort();
  let child = await start(port, fixture);
  const kill = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    forward: (call) => forward(port, call),
    kill,
    async restart() {
      await kill();
      child = await start(port, fixture);
    },
  };
}

async function start(port: number, fixture: Fixture): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, 'templates/box-node/index.ts')], {
    env: {
      PATH: process.env.PATH,
      http_port: String(port),
      function_path: join(ROOT, 'functions/ingestion'),
      GATEWAY_URL: fixture.gateway.url,
      NATS_URL: fixture.natsUrl,
      SECRETS_DIR: fixture.secretsDir,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('"ready"')) break;
  return child;
}

async function forward(port: number, { headers, body }: Call): Promise<Answer> {
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
