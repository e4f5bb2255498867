import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Child, startChild } from '../../../local/server/child-process.ts';
import { temporaryFolder } from '../../support/servers.ts';

const MODULE = new URL('../../../local/server/child-process.ts', import.meta.url).href;

function shell(script: string) {
  return { name: 'test', command: 'sh', args: ['-c', script] };
}

describe('startChild', () => {
  it('keeps what both streams print, in memory and in a file', async () => {
    const logFile = join(await temporaryFolder('child'), 'test.log');
    const child = await startChild({ ...shell('echo one; echo two >&2; exit 3'), logFile });
    assert.deepEqual(await child.exited, { code: 3, signal: null });
    const lines = child.log.last(10).map(({ text }) => text);
    assert.deepEqual(lines.sort(), ['one', 'two']);
    assert.deepEqual((await readFile(logFile, 'utf8')).trim().split('\n').sort(), ['one', 'two']);
  });

  it('asks with SIGTERM first, so that a process can end in order', async () => {
    const script = 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done';
    const child = await startChild({ ...shell(script), stopTimeoutMs: 60_000 });
    await firstLine(child);
    await child.stop();
    assert.equal((await child.exited).code, 0);
    // The shell may say as well that its sleep was terminated, on the other stream and so in any order.
    assert.ok(child.log.last(2).some(({ text }) => text === 'bye'));
  });

  it('kills a process that does not end in time, and what it has started', async () => {
    const script = 'trap "" TERM; sleep 1000 & echo $!; wait; wait';
    const child = await startChild({ ...shell(script), stopTimeoutMs: 100 });
    const sleeper = Number(await firstLine(child));
    await child.stop();
    assert.equal((await child.exited).signal, 'SIGKILL');
    await untilGone(sleeper);
  });

  it('says what cannot be run', async () => {
    await assert.rejects(startChild({ name: 'ghost', command: '/nowhere/ghost', args: [] }), {
      code: 'unavailable',
      message: 'Cannot start ghost: /nowhere/ghost must be runnable',
    });
  });

  it('ends with the process that started it, when that is killed', async () => {
    const script = `
      import { startChild } from ${JSON.stringify(MODULE)};
      const child = await startChild({ name: 'test', command: 'cat', args: ['/dev/stdin'] });
      const sleeper = await startChild({ name: 'sleeper', command: 'sleep', args: ['1000'] });
      console.log(sleeper.pid);
      setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: starter.stdout }), 'line');
    starter.kill('SIGKILL');
    await untilGone(Number(line));
  });
});

async function firstLine(child: Child): Promise<string> {
  const printed = Promise.withResolvers<string>();
  const unfollow = child.log.follow(({ text }) => printed.resolve(text));
  const [earlier] = child.log.last(1);
  const line = earlier?.text ?? (await printed.promise);
  unfollow();
  return line;
}

/** Resolves once there is no such process, within 100 s. */
async function untilGone(pid: number): Promise<void> {
  const signal = AbortSignal.timeout(100_000);
  for (;;) {
    signal.throwIfAborted();
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (status === undefined || /\) Z /.test(status)) return;
  }
}
