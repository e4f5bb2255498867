import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { guarded } from '../support/guarded.ts';
import { temporaryFolder } from '../support/servers.ts';

const MAIN = resolve(import.meta.dirname, '..', '..', 'local', 'main.ts');

type Running = ChildProcessByStdio<null, Readable, Readable>;

describe('npm start', function () {
  // It starts eleven processes, and some tests do so twice.
  this.timeout(480_000);

  function start(...args: string[]): Running {
    return guarded(spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true }));
  }

  it('--once sends images, loses none, and ends with 0', async () => {
    const running = start('--once', '--folder', await temporaryFolder('once'));
    const lines = (await text(running.stdout)).split('\n');
    const [status] = running.exitCode === null ? await once(running, 'exit') : [running.exitCode];
    assert.equal(status, 0, lines.slice(-20).join('\n'));
    assert.equal(lines.filter((line) => /^an? \d, p=\d\.\d\d, \d+ ms/.test(line)).length, 300);
    assert(lines.includes('notified  300'));
    assert(lines.includes('lost      0'));
  });

  for (const [signal, title] of [
    ['SIGINT', 'Ctrl-C, which comes twice under npm, ends everything in order'],
    ['SIGKILL', 'what it started ends also when it is killed'],
  ] as const) {
    it(title, async () => {
      const folder = await temporaryFolder('main');
      const running = start('--no-demo', '--folder', folder);
      await lineOf(running.stdout, /It stays up/);
      const env: unknown = JSON.parse(await readFile(join(folder, 'env.json'), 'utf8'));
      const ports = portsOf(env);
      assert(ports.length >= 5);
      const exited = once(running, 'exit');
      running.kill(signal);
      running.kill(signal);
      const [status] = await exited;
      if (signal === 'SIGINT') {
        assert.equal(status, 0);
        await assert.rejects(access(join(folder, 'env.json')));
      }
      for (const port of ports) await untilRefused(port);
    });
  }

  it('a second start in the same folder says that one runs', async () => {
    const folder = await temporaryFolder('main');
    const first = start('--no-demo', '--folder', folder);
    await lineOf(first.stdout, /It stays up/);
    const second = start('--no-demo', '--folder', folder);
    assert.match(await text(second.stderr), /Cannot start the appliance: one runs already in/);
    const exited = once(first, 'exit');
    first.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  });
});

async function lineOf(stream: Readable, wanted: RegExp): Promise<void> {
  const read: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    read.push(line);
    if (wanted.test(line)) return;
  }
  throw new Error(`No line matches ${wanted}:\n${read.join('\n')}`);
}

/** The ports of all the URLs. */
function portsOf(env: unknown): number[] {
  assert(typeof env === 'object' && env !== null);
  const urls = Object.values(env).filter((value) => URL.canParse(value) && new URL(value).port !== '');
  return [...new Set(urls.map((url) => Number(new URL(url).port)))];
}

/** Resolves once nobody listens there, within 100 s. */
async function untilRefused(port: number): Promise<void> {
  const signal = AbortSignal.timeout(100_000);
  for (;;) {
    signal.throwIfAborted();
    const socket = connect({ port, host: '127.0.0.1' });
    const refused = await once(socket, 'connect').then(
      () => false,
      () => true,
    );
    socket.destroy();
    if (refused) return;
  }
}
