import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { openRaw, readUntil } from './raw-socket.ts';
import { FIXTURES, json, RuntimeProcess } from './runtime-process.ts';

/** As the fixture's streamLimit has them. */
const LIMIT = 8_000_000;
const LARGE_LIMIT = 64_000_000;
const CHUNKED = { 'Transfer-Encoding': 'chunked' };

describe('template runtime: bodies as streams', () => {
  let runtime: RuntimeProcess;
  before(async () => {
    runtime = new RuntimeProcess(join(FIXTURES, 'box'), { MAX_BODY_BYTES: '1000' });
    await runtime.logged('ready');
  });
  after(() => runtime.kill());

  const upload = (path: string, bytes: number, headers: Record<string, string> = {}) =>
    runtime.call(path, { method: 'POST', headers, body: Buffer.alloc(bytes, 'x') });

  it('a body that streamLimit asks for comes as a stream, beyond MAX_BODY_BYTES; others stay whole and bounded', async () => {
    for (const headers of [{}, CHUNKED]) {
      const answer = await upload('/upload', 5_000_000, headers);
      assert.deepEqual([answer.status, json(answer)], [200, { size: 5_000_000 }]);
    }
    assert.deepEqual(json(await upload('/upload', 0)), { size: 0 });
    assert.equal((await upload('/echo', 1001)).status, 413);
    assert.equal((await upload('/echo', 1000)).body.length, 1000);
  });

  it('a body beyond the limit is refused before it is taken, or breaks off there when its size is not known', async () => {
    assert.equal((await upload('/upload', LIMIT + 1)).status, 413);
    assert.deepEqual(json(await upload('/upload', LIMIT)), { size: LIMIT });
    const answer = await upload('/upload', LIMIT + 1, CHUNKED);
    assert.match(answer.body.toString(), /it may have at most 8000000 bytes/);
  });

  it('a body that is not read does not keep the answer away, nor the connection from further calls', async () => {
    const first = await runtime.call('/text');
    for (const [path, status] of [
      ['/upload/unread', 403],
      ['/upload/half-read', 422],
    ] as const) {
      for (const size of [10, 200_000, 5_000_000]) {
        const answer = await upload(path, size);
        assert.deepEqual([answer.status, answer.localPort], [status, first.localPort], `${path} ${size}`);
      }
    }
  });

  it('takes no more from the caller than is read', async () => {
    const outgoing = request({
      host: '127.0.0.1',
      port: await runtime.port(),
      path: '/upload/after-signal',
      method: 'POST',
      headers: { 'Content-Length': LARGE_LIMIT },
    });
    outgoing.write(Buffer.alloc(LARGE_LIMIT - 1));
    await runtime.logged('waiting');
    // The handler has read nothing yet: more than the buffers of the kernel cannot have left.
    assert.ok(outgoing.writableNeedDrain);
    assert.equal((await runtime.call('/text')).status, 200);
    runtime.child.kill('SIGUSR2');
    await once(outgoing, 'drain');
    outgoing.end('x');
    const [incoming] = await once(outgoing, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    assert.deepEqual(JSON.parse(Buffer.concat(chunks).toString()), { size: LARGE_LIMIT });
  });

  it('a caller that asks first is told to go on, also when the handler does not read: proxies send anyhow', async () => {
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n`;
    const socket = await openRaw(await runtime.port());
    socket.write(head('/upload'));
    assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1.1 100 /);
    socket.write('hi');
    assert.match(await readUntil(socket, '{"size":2}'), /^HTTP\/1.1 200 /);
    socket.destroy();
    const refused = await openRaw(await runtime.port());
    refused.write(head('/upload/unread'));
    assert.match(await readUntil(refused, '\r\n\r\n'), /^HTTP\/1.1 100 /);
    refused.write('hi');
    assert.match(await readUntil(refused, '\r\n\r\n'), /^HTTP\/1.1 403 /);
    refused.destroy();
  });

  it('a caller who hangs up in the middle breaks off the stream', async () => {
    const socket = await openRaw(await runtime.port());
    const before = runtime.lines.filter(({ msg }) => msg === 'first bytes').length;
    const broken = runtime.lines.filter(({ msg }) => msg === 'body broke off').length;
    socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc');
    await runtime.loggedTimes('first bytes', before + 1);
    socket.destroy();
    await runtime.loggedTimes('body broke off', broken + 1);
    assert.equal((await runtime.call('/text')).status, 200);
  });

  it('SIGTERM: an upload in flight is taken to its end and answered', async () => {
    const draining = new RuntimeProcess(join(FIXTURES, 'box'));
    try {
      await draining.logged('ready');
      const socket = await openRaw(await draining.port());
      socket.write('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc');
      await draining.logged('first bytes');
      draining.child.kill('SIGTERM');
      await draining.logged('Shutting down');
      socket.write('def');
      assert.match(await readUntil(socket, '{"size":6}'), /^HTTP\/1.1 200 /);
      assert.deepEqual(await draining.exited, { code: 0, signal: null });
    } finally {
      await draining.kill();
    }
  });
});
