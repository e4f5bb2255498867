import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';

export const BOX = resolve(import.meta.dirname, '..', '..', 'cli', 'box.ts');

export interface BoxRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `box` as a user does, in a folder. */
export async function runBox(folder: string, env: Record<string, string>, ...args: string[]): Promise<BoxRun> {
  const child = spawn(process.execPath, [BOX, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { status, stdout, stderr };
}
