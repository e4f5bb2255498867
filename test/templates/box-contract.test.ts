import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { FIXTURES, json, RuntimeProcess } from './runtime-process.ts';

describe('template runtime: a handler that exports open()', () => {
  let runtime: RuntimeProcess;
  before(async () => {
    runtime = new RuntimeProcess(join(FIXTURES, 'box'));
    await runtime.logged('ready');
  });
  after(() => runtime.kill());

  it('gets the bytes as they came and answers with status, headers and bytes', async () => {
    const body = Buffer.from([0, 255, 128, 10, 13]);
    const answer = await runtime.post('/echo', body, 'application/json');
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.body, body);
    assert.equal(answer.headers['content-type'], 'x/y');
    assert.equal(answer.headers['x-a'], '1');
  });

  it('gets a large body whole, whether its size is announced or not', async () => {
    const body = Buffer.from(Uint32Array.from({ length: 200_000 }, (_, i) => Math.imul(i, 2_654_435_761)).buffer);
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const answer = await runtime.call('/echo', { method: 'POST', headers, body });
      assert.ok(answer.body.equals(body));
    }
  });

  it('gets method, path without the query, query, and an empty Buffer where there is no body', async () => {
    assert.deepEqual(json(await runtime.call('/facts?a=1&a=2&b=%20', { method: 'DELETE' })), {
      isBuffer: true,
      method: 'DELETE',
      path: '/facts',
      query: { a: ['1', '2'], b: ' ' },
      type: null,
    });
  });

  it('returned values: text, nothing, a number', async () => {
    const text = await runtime.call('/text');
    assert.equal(text.body.toString(), 'text');
    assert.equal(text.headers['content-type'], 'text/plain; charset=utf-8');
    const nothing = await runtime.call('/nothing');
    assert.deepEqual([nothing.status, nothing.body.length, nothing.headers['content-type']], [200, 0, undefined]);
    assert.equal(json(await runtime.call('/number')), 7);
  });

  it('204 has no body and no Content-Length', async () => {
    const { status, body, headers } = await runtime.call('/no-content');
    assert.deepEqual([status, body.length, headers['content-length']], [204, 0, undefined]);
  });

  it('fail() answers with its value and the status and headers that were set', async () => {
    const answer = await runtime.call('/fail');
    assert.equal(answer.status, 422);
    assert.equal(answer.headers['x-a'], '1');
    assert.deepEqual(json(answer), { why: 'no' });
  });

  it('a thrown error is answered 500 without its text, which is in the log', async () => {
    const answer = await runtime.call('/throw');
    assert.equal(answer.status, 500);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.ok(!answer.body.toString().includes('secret reason'));
    const { err } = await runtime.logged('The handler failed');
    assert.equal(Reflect.get(Object(err), 'message'), 'secret reason');
  });

  it('HEAD gets the headers of the answer alone', async () => {
    const answer = await runtime.call('/text', { method: 'HEAD' });
    assert.deepEqual([answer.status, answer.headers['content-length'], answer.body.length], [200, '4', 0]);
  });

  it('streams are sent as they come, Node streams and web streams', async () => {
    const stream = await runtime.call('/stream');
    assert.equal(stream.body.toString(), 'one two');
    assert.equal(stream.headers['transfer-encoding'], 'chunked');
    assert.equal((await runtime.call('/web-stream')).body.toString(), 'web');
    const empty = await runtime.call('/empty-stream');
    assert.deepEqual([empty.status, empty.body.length], [200, 0]);
  });

  it('a stream that fails before its first byte is answered 500', async () => {
    assert.equal((await runtime.call('/broken-stream')).status, 500);
    assert.equal((await runtime.call('/text')).status, 200);
  });

  it('a caller who hangs up ends the stream that it was sent', async () => {
    const outgoing = request({ host: '127.0.0.1', port: await runtime.port(), path: '/endless' }).end();
    const [incoming] = await once(outgoing, 'response');
    await once(incoming, 'data');
    outgoing.destroy();
    await runtime.logged('stream destroyed');
  });

  it('a stream is destroyed that cannot be sent for its headers', async () => {
    assert.equal((await runtime.call('/endless/with-bad-header')).status, 500);
    await runtime.logged('unsent stream destroyed');
  });

  it('context.signal aborts when the caller hangs up', async () => {
    const outgoing = request({ host: '127.0.0.1', port: await runtime.port(), path: '/gone' });
    outgoing.on('error', () => undefined).end();
    await runtime.logged('waiting');
    outgoing.destroy();
    await runtime.logged('caller has gone');
    runtime.child.kill('SIGUSR2');
  });

  it('GET /healthz is 200, GET /metrics is the function’s own', async () => {
    const health = await runtime.call('/healthz');
    assert.deepEqual([health.status, json(health)], [200, { status: 'ok' }]);
    const metrics = await runtime.call('/metrics');
    assert.equal(metrics.body.toString(), 'box_fixture 1\n');
    assert.match(metrics.headers['content-type'] ?? '', /^text\/plain/);
  });

  it('GET /healthz is 503 with the reason while health() rejects', async () => {
    const unhealthy = new RuntimeProcess(join(FIXTURES, 'box'), { UNHEALTHY: '1' });
    try {
      await unhealthy.logged('ready');
      const answer = await unhealthy.call('/healthz');
      assert.equal(answer.status, 503);
      assert.equal(Reflect.get(Object(json(answer)), 'detail'), 'Cannot serve: the model is away');
    } finally {
      await unhealthy.kill();
    }
  });
});
