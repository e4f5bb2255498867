import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Fixture } from './fixture.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A function as a process of its own, by the template's runtime, to be killed. Resolves once it is ready. */
export async function startBoxFunction(name: string, port: number, fixture: Fixture): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, 'templates/box-node/index.ts')], {
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
  });
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes('"ready"')) break;
  return child;
}

/** SIGKILL; resolves when it is gone. */
export async function killBoxFunction(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
