import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type ConverterProcess, GRAPHS, startConverter } from './converter-process.ts';

const KEY = 'key-of-the-test';

describe('the function converter', function () {
  // Each conversion starts TensorFlow, which takes half a minute on a slow machine.
  this.timeout(600_000);

  let converter: ConverterProcess;
  before(async () => {
    converter = await startConverter(KEY, { MAX_BODY_BYTES: '4096' });
  });
  after(() => converter.close());

  const graph = (name: string) => readFile(join(GRAPHS, `${name}.pb`));

  async function post(query: string, body: Buffer | Readable, headers: Record<string, string> = {}) {
    const options = { method: 'POST', headers: { authorization: `Bearer ${KEY}`, ...headers }, body, duplex: 'half' };
    const response = await fetch(`${converter.url}/${query}`, options as unknown as RequestInit);
    const bytes = Buffer.from(await response.arrayBuffer());
    const isProblem = response.headers.get('content-type') === 'application/problem+json';
    return { status: response.status, bytes, problem: isProblem ? JSON.parse(bytes.toString()) : undefined };
  }

  it('gives an ONNX model for a graph, whether its length is told or it comes in chunks', async () => {
    const query = '?input=dense_input&output=dense_1%2FSoftmax';
    const told = await post(query, await graph('dense'));
    assert.equal(told.status, 200, told.bytes.toString());
    assert.ok(told.bytes.includes('dense_1/Softmax'));
    const chunked = await post(query, Readable.from([await graph('dense')]));
    assert.deepEqual(chunked.bytes, told.bytes);
  });

  it('refuses a graph that is at fault with 422 and the reason, one that is too large with 413', async () => {
    const faulty = await post('', await graph('no-counterpart'));
    assert.equal(faulty.status, 422);
    assert.equal(faulty.problem.code, 'unprocessable');
    assert.match(faulty.problem.detail, /every operator must have a counterpart in ONNX, got Svd/);
    const unknown = await post('?output=nobody', await graph('dense'));
    assert.match(unknown.problem.detail, /output 'nobody' must be a node of it; .* last nodes 'dense_1\/Softmax'/);
    for (const body of [Buffer.alloc(5000), Readable.from([Buffer.alloc(3000), Buffer.alloc(3000)])]) {
      const large = await post('', body);
      assert.equal(large.status, 413);
      assert.match(large.problem.detail, /at most 4096 bytes/);
    }
  });

  it('refuses chunks that say they are larger than all memory, or say nothing', async () => {
    for (const chunk of ['ffffffffffff\r\nabc', 'what\r\n', '-5\r\n', '']) {
      const socket = connect(Number(new URL(converter.url).port), '127.0.0.1');
      socket.end(
        `POST / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`,
      );
      assert.match(await text(socket), /^HTTP\/1.1 400 .*Cannot read graph/s, chunk);
    }
  });

  it('wants the key, knows one route, and is healthy', async () => {
    const { status } = await post('', await graph('dense'), { authorization: '' });
    assert.equal(status, 401);
    assert.equal((await post('', await graph('dense'), { authorization: 'Bearer x' })).status, 403);
    assert.equal((await post('elsewhere', await graph('dense'))).status, 404);
    assert.equal((await post('?inputs=x', await graph('dense'))).status, 400);
    assert.equal((await fetch(`${converter.url}/healthz`)).status, 200);
  });
});
