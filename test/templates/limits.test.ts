import assert from 'node:assert/strict';
import { join } from 'node:path';
import { openRaw, readAll, readUntil } from './raw-socket.ts';
import { FIXTURES, json, RuntimeProcess } from './runtime-process.ts';

describe('template runtime: limits and connections', () => {
  let runtime: RuntimeProcess;
  before(async () => {
    runtime = new RuntimeProcess(join(FIXTURES, 'box'), { MAX_BODY_BYTES: '1000' });
    await runtime.logged('ready');
  });
  after(() => runtime.kill());

  it('a body of MAX_BODY_BYTES is taken, one byte more is answered 413 on a connection that stays usable', async () => {
    const taken = await runtime.post('/echo', Buffer.alloc(1000), 'x/y');
    const refused = await runtime.post('/echo', Buffer.alloc(1001), 'x/y');
    assert.deepEqual([taken.status, refused.status], [201, 413]);
    assert.deepEqual(json(refused), {
      type: 'urn:thebox:error:too_large',
      title: 'too large',
      status: 413,
      detail: 'Cannot take the request body: it may have at most 1000 bytes',
      code: 'too_large',
    });
    assert.equal((await runtime.call('/text')).localPort, refused.localPort);
  });

  it('a chunked body is refused once it is too large', async () => {
    const headers = { 'Transfer-Encoding': 'chunked' };
    const answer = await runtime.call('/echo', { method: 'POST', headers, body: Buffer.alloc(5_000_000) });
    assert.equal(answer.status, 413);
  });

  it('a caller that asks first is refused before it sends', async () => {
    const socket = await openRaw(await runtime.port());
    socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\nExpect: 100-continue\r\n\r\n');
    assert.match(await readAll(socket), /^HTTP\/1.1 413 /);
  });

  it('a caller that asks first and is refused sends what is little: a proxy between would send it anyhow', async () => {
    const socket = await openRaw(await runtime.port());
    socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n');
    assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1.1 100 /);
    socket.write(Buffer.alloc(5_000_000));
    assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1.1 413 /);
    socket.destroy();
  });

  it('a caller that asks first is told to go on, and answered', async () => {
    const socket = await openRaw(await runtime.port());
    socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    assert.match(await readUntil(socket, '\r\n\r\n'), /^HTTP\/1.1 100 /);
    socket.write('hi');
    assert.match(await readUntil(socket, 'hi'), /^HTTP\/1.1 201 /);
    socket.destroy();
  });

  it('what is not HTTP is answered 400, headers without end 431', async () => {
    const garbage = await openRaw(await runtime.port());
    garbage.write('\u0000\u0001 not http\r\n\r\n');
    const answer = await readAll(garbage);
    assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\n/);
    assert.match(answer, /application\/problem\+json/);
    const endless = await openRaw(await runtime.port());
    endless.write(`GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`);
    assert.match(await readAll(endless), /^HTTP\/1.1 431 /);
  });

  it('a caller who hangs up in the middle of a body does no harm', async () => {
    const socket = await openRaw(await runtime.port());
    socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc');
    socket.destroy();
    assert.equal((await runtime.call('/text')).status, 200);
  });

  it('one connection serves many calls', async () => {
    const first = await runtime.call('/text');
    const second = await runtime.post('/echo', 'x', 'x/y');
    const third = await runtime.call('/throw');
    const fourth = await runtime.call('/text');
    assert.deepEqual([second.localPort, third.localPort, fourth.localPort], Array(3).fill(first.localPort));
    assert.match(String(first.headers['keep-alive']), /timeout=120/);
  });
});
