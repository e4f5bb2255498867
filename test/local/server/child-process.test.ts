import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startChild } from '../../../local/server/child-process.ts';
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
    const child = await startChild(shell('trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done'));
    const up = Promise.withResolvers<void>();
    child.log.follow(() => up.resolve());
    if (child.log.last(1).length === 0) await up.promise;
    await child.stop();
    assert.equal((await child.exited).code, 0);
    assert.equal(child.log.last(1)[0]?.text, 'bye');
  });

  it('kills a process that does not end in time, and what it has started', async () => {
    const child = await startChild({ ...shell('trap "" TERM; sleep 100 & wait; wait'), stopTimeoutMs: 100 });
    await child.stop();
    assert.equal((await child.exited).signal, 'SIGKILL');
    assert.throws(() => process.kill(-child.pid, 0), { code: 'ESRCH' });
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

/** Resolves once there is no such process, within 10 s. */
async function untilGone(pid: number): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  for (;;) {
    signal.throwIfAborted();
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (status === undefined || /\) Z /.test(status)) return;
  }
}
