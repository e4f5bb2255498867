import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FIXTURES, json, RuntimeProcess } from './runtime-process.ts';

const JSON_TYPE = 'application/json';
const FORM = 'application/x-www-form-urlencoded';

describe('template runtime: a function written for the official node templates', () => {
  let runtime: RuntimeProcess;
  before(async () => {
    runtime = new RuntimeProcess(join(FIXTURES, 'plain'), { MAX_JSON_SIZE: '1kb', MAX_BODY_BYTES: '4000' });
    await runtime.logged('ready');
  });
  after(() => runtime.kill());

  const bodyOf = async (body: string | Buffer, type: string, headers = {}): Promise<unknown> => {
    const answer = await runtime.post('/body', body, type, headers);
    assert.equal(answer.status, 200, answer.body.toString());
    return Reflect.get(Object(json(answer)), 'body');
  };

  it('JSON is parsed, whatever its charset parameter and its +json name', async () => {
    assert.deepEqual(await bodyOf('{"a":[1]}', JSON_TYPE), { a: [1] });
    assert.deepEqual(await bodyOf('\ufeff{"a":"ü"}', `${JSON_TYPE}; charset=utf-8`), { a: 'ü' });
    assert.deepEqual(await bodyOf('[{}]', 'application/cloudevents-batch+json'), [{}]);
    assert.deepEqual(await bodyOf('', JSON_TYPE), {});
  });

  it('text is a string in its charset; a body without a Content-Type is text', async () => {
    assert.equal(await bodyOf('a,b', 'text/csv'), 'a,b');
    assert.equal(await bodyOf(Buffer.from([0xfc]), 'text/plain; charset=iso-8859-1'), 'ü');
    const answer = await runtime.call('/body', { method: 'POST', body: 'x' });
    assert.deepEqual(json(answer), { type: 'string', body: 'x', contentType: 'text/plain' });
  });

  it('a form is an object, with lists and nested names', async () => {
    assert.deepEqual(await bodyOf('a=1&a=2&b=x+y%21', FORM), { a: ['1', '2'], b: 'x y!' });
    assert.deepEqual(await bodyOf('u[name]=n&u[tags][]=1&u[tags][]=2&l[0]=a&l[1]=b', FORM), {
      u: { name: 'n', tags: ['1', '2'] },
      l: ['a', 'b'],
    });
    assert.deepEqual(await bodyOf('__proto__[x]=1&a[__proto__][x]=1', FORM), {});
  });

  it('other types are the bytes; no body is undefined', async () => {
    assert.equal(await bodyOf(Buffer.from([1, 255]), 'image/png'), '01ff');
    assert.deepEqual(json(await runtime.call('/body')), { type: 'undefined', contentType: 'text/plain' });
  });

  it('a compressed body is decompressed, up to the limit', async () => {
    assert.deepEqual(await bodyOf(gzipSync('{"z":1}'), JSON_TYPE, { 'Content-Encoding': 'gzip' }), { z: 1 });
    const bomb = await runtime.post('/body', gzipSync(Buffer.alloc(100_000, 32)), JSON_TYPE, {
      'Content-Encoding': 'gzip',
    });
    assert.equal(bomb.status, 413);
    const odd = await runtime.post('/body', 'x', JSON_TYPE, { 'Content-Encoding': 'zip' });
    assert.equal(odd.status, 415);
  });

  it('JSON that does not parse is answered 400, a charset that is not known 415', async () => {
    const answer = await runtime.post('/body', '{"a":', JSON_TYPE);
    assert.equal(answer.status, 400);
    assert.equal(answer.headers['content-type'], 'application/problem+json');
    assert.match(answer.body.toString(), /Cannot parse the request body as JSON/);
    assert.equal((await runtime.post('/body', 'x', 'text/plain; charset=klingon')).status, 415);
  });

  it('MAX_JSON_SIZE limits JSON, MAX_BODY_BYTES the rest', async () => {
    assert.equal((await runtime.post('/body', JSON.stringify('x'.repeat(1030)), JSON_TYPE)).status, 413);
    assert.equal((await runtime.post('/body', 'x'.repeat(1030), 'text/plain')).status, 200);
    assert.equal((await runtime.post('/body', 'x'.repeat(4001), 'text/plain')).status, 413);
  });

  it('RAW_BODY=true gives the bytes of any type, up to MAX_RAW_SIZE', async () => {
    const raw = new RuntimeProcess(join(FIXTURES, 'plain'), { RAW_BODY: 'true', MAX_RAW_SIZE: '10b' });
    try {
      await raw.logged('ready');
      assert.deepEqual(json(await raw.post('/body', '{}', JSON_TYPE)), {
        type: 'buffer',
        body: '7b7d',
        contentType: JSON_TYPE,
      });
      assert.equal((await raw.post('/body', 'x'.repeat(11), JSON_TYPE)).status, 413);
    } finally {
      await raw.kill();
    }
  });

  it('event has method, path and query', async () => {
    assert.deepEqual(json(await runtime.call('/event?a=1&b=2&b=3', { method: 'PATCH' })), {
      method: 'PATCH',
      path: '/event',
      query: { a: '1', b: ['2', '3'] },
    });
  });

  it('returned and succeeded values: HTML text, JSON of lists, status and headers', async () => {
    const html = await runtime.call('/html');
    assert.deepEqual([html.body.toString(), html.headers['content-type']], ['<p>yes</p>', 'text/html; charset=utf-8']);
    const list = await runtime.call('/list');
    assert.deepEqual([json(list), list.headers['content-type']], [[1, 2], 'application/json; charset=utf-8']);
    const set = await runtime.call('/set');
    assert.deepEqual([set.status, set.headers['x-a'], set.body.toString()], [418, '1, 2', 'short']);
    assert.deepEqual(json(await runtime.call('/getters')), { status: 200, headers: {} });
    assert.equal((await runtime.call('/sync')).body.toString(), 'returned');
  });

  it('the first answer counts', async () => {
    const answer = await runtime.call('/late-error');
    assert.deepEqual([answer.status, answer.body.toString()], [200, 'first']);
  });

  it('fail() and thrown errors are 500 with the error as text, unless another status was set', async () => {
    const cases: [path: string, status: number, text: string][] = [
      ['/fail', 500, 'Error: failed'],
      ['/fail-text', 409, 'taken'],
      ['/throw', 500, 'TypeError: thrown'],
      ['/throw-sync', 500, 'Error: thrown at once'],
      ['/throw-404', 404, 'Error: no such thing'],
      ['/callback-error', 500, 'Error: by callback'],
    ];
    for (const [path, status, text] of cases) {
      const answer = await runtime.call(path);
      assert.deepEqual([answer.status, answer.body.toString()], [status, text], path);
    }
  });

  it('a callback is waited for', async () => {
    assert.deepEqual(json(await runtime.call('/callback')), { by: 'callback' });
  });

  it('GET /healthz is 200, GET /metrics has the process and its calls', async () => {
    assert.equal((await runtime.call('/healthz')).status, 200);
    const text = (await runtime.call('/metrics')).body.toString();
    assert.match(text, /^process_resident_memory_bytes \d+$/m);
    assert.match(text, /^function_requests_total\{status="200"\} \d+$/m);
    assert.match(text, /^function_request_duration_seconds_bucket\{le="\+Inf"\} \d+$/m);
  });

  it('a default export of an ES module is called too', async () => {
    const esm = new RuntimeProcess(join(FIXTURES, 'plain-esm'));
    try {
      await esm.logged('ready');
      assert.deepEqual(json(await esm.post('/', '[1]', JSON_TYPE)), { esm: [1] });
    } finally {
      await esm.kill();
    }
  });
});
