import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openRaw, readAll } from './raw-socket.ts';
import { FIXTURES, RuntimeProcess } from './runtime-process.ts';

describe('template runtime: start and end', () => {
  const started: RuntimeProcess[] = [];
  const start = (fixture: string, environment: Record<string, string> = {}): RuntimeProcess => {
    const runtime = new RuntimeProcess(join(FIXTURES, fixture), environment);
    started.push(runtime);
    return runtime;
  };
  afterEach(async () => {
    await Promise.all(started.splice(0).map((runtime) => runtime.kill()));
  });

  it('answers 503 until open() has resolved', async () => {
    const runtime = start('box-opening');
    await runtime.logged('listening');
    const health = await runtime.call('/healthz');
    const call = await runtime.call('/');
    assert.deepEqual([health.status, call.status, call.headers['retry-after']], [503, 503, '1']);
    await runtime.logged('opening');
    runtime.child.kill('SIGUSR2');
    await runtime.logged('ready');
    assert.equal((await runtime.call('/healthz')).status, 200);
    assert.equal((await runtime.call('/')).body.toString(), 'open');
  });

  it('says in every answer for how long the process has lived, whatever the answer', async () => {
    const runtime = start('box-opening');
    await runtime.logged('listening');
    const starting = [await runtime.call('/healthz'), await runtime.call('/')];
    await runtime.logged('opening');
    runtime.child.kill('SIGUSR2');
    const { startMs } = await runtime.logged('ready');
    const open = [await runtime.call('/'), await runtime.call('/healthz'), await runtime.call('/metrics')];
    const answers = [...starting, ...open];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [503, 503, 200, 200, 200],
    );
    const uptimes = answers.map(({ headers }) => Number(headers['box-uptime-seconds']));
    assert.deepEqual(
      uptimes,
      uptimes.toSorted((a, b) => a - b),
    );
    assert.ok((uptimes[0] ?? 0) > 0 && (uptimes[1] ?? 0) * 1000 <= Number(startMs) + 1, `${uptimes} and ${startMs}`);
    assert.ok((uptimes[2] ?? 0) * 1000 >= Number(startMs) - 1, `${uptimes} and ${startMs}`);
  });

  it('ends with 1 and the reason in the log when open() rejects', async () => {
    const runtime = start('box-failing');
    assert.deepEqual(await runtime.exited, { code: 1, signal: null });
    const { err } = await runtime.logged('The function did not start');
    assert.match(JSON.stringify(err), /no database.*connection refused/);
  });

  it('ends with 1 when there is no handler, or a variable cannot be used', async () => {
    const none = start('no-such-folder');
    assert.deepEqual(await none.exited, { code: 1, signal: null });
    assert.match(JSON.stringify(none.lines), /must hold one of handler\.ts/);
    const malformed = start('box', { http_port: 'http', MAX_BODY_BYTES: '-1' });
    assert.deepEqual(await malformed.exited, { code: 1, signal: null });
    assert.match(JSON.stringify(malformed.lines), /http_port.*MAX_BODY_BYTES/);
  });

  it('ends with 1 on an error that nothing handles', async () => {
    const runtime = start('box');
    await runtime.logged('ready');
    await assert.rejects(runtime.call('/crash'));
    assert.deepEqual(await runtime.exited, { code: 1, signal: null });
    assert.match(JSON.stringify(await runtime.logged('An error that nothing handled')), /nobody handles this/);
  });

  it('SIGTERM: no new connections, calls in flight are answered, close() is called, exit 0', async () => {
    const runtime = start('box');
    await runtime.logged('ready');
    const port = await runtime.port();
    const socket = await openRaw(port);
    socket.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n');
    await runtime.logged('waiting');
    runtime.child.kill('SIGTERM');
    await runtime.logged('Shutting down');
    await assert.rejects(openRaw(port), { code: 'ECONNREFUSED' });
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    runtime.child.kill('SIGUSR2');
    const answers = await readAll(socket);
    assert.match(answers, /^HTTP\/1.1 200 OK[\s\S]*waited[\s\S]*HTTP\/1.1 503 /);
    assert.deepEqual(await runtime.exited, { code: 0, signal: null });
    await runtime.logged('closed');
  });

  it('SIGTERM with idle connections open ends at once', async () => {
    const runtime = start('box');
    await runtime.logged('ready');
    await runtime.call('/text');
    runtime.child.kill('SIGTERM');
    assert.deepEqual(await runtime.exited, { code: 0, signal: null });
  });

  it('SIGTERM while a call takes longer than SHUTDOWN_TIMEOUT_MS ends with 1', async () => {
    const runtime = start('box', { SHUTDOWN_TIMEOUT_MS: '50' });
    await runtime.logged('ready');
    const call = runtime.call('/wait');
    await runtime.logged('waiting');
    runtime.child.kill('SIGTERM');
    await assert.rejects(call);
    assert.deepEqual(await runtime.exited, { code: 1, signal: null });
  });

  it('a second signal ends the process at once', async () => {
    const runtime = start('box');
    await runtime.logged('ready');
    const call = runtime.call('/wait');
    await runtime.logged('waiting');
    runtime.child.kill('SIGTERM');
    await runtime.logged('Shutting down');
    runtime.child.kill('SIGTERM');
    await assert.rejects(call);
    assert.deepEqual(await runtime.exited, { code: 143, signal: null });
  });
});
