import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Does `work` while no other process of this machine holds the lock file `path`, and gives its result.
 *
 * The lock is flock(1)'s, held by a child whose input is ours: however this process ends, the lock goes with it.
 */
export async function withLock(path, work) {
  const release = await takeLock(['--exclusive', path]);
  if (release === undefined) throw new Error(`Cannot lock ${path}`);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Takes the lock file `path` unless another process holds it; gives what releases it, or undefined. */
export function tryLock(path) {
  return takeLock(['--nonblock', path]);
}

async function takeLock(flockArgs) {
  // In a process group of its own: a Ctrl-C at the terminal must not release it before its owner has ended.
  const holder = spawn('flock', [...flockArgs, 'sh', '-c', 'echo locked && exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(holder, 'exit');
  const locked = await Promise.race([once(holder.stdout, 'data'), ended]);
  if (!Buffer.isBuffer(locked[0])) return undefined;
  return async () => {
    holder.stdin.end();
    await ended;
  };
}
