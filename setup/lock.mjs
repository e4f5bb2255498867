import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Does `work` while no other process of this machine holds the lock file `path`, and gives its result.
 *
 * The lock is flock(1)'s, held by a child whose input is ours: however this process ends, the lock goes with it.
 */
export async function withLock(path, work) {
  const holder = spawn('flock', [path, 'sh', '-c', 'echo locked && exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  const locked = await Promise.race([once(holder.stdout, 'data'), ended]);
  if (!Buffer.isBuffer(locked[0])) throw new Error(`Cannot lock ${path}: flock ended with ${locked[0]}`);
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
