import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import {
  dataOf,
  features,
  MODELS,
  openForTest,
  record,
  sendBatch,
  type TestInference,
} from './support/open-for-test.ts';

interface Way {
  readonly url: string;
  close(): Promise<void>;
}

/** A way to a server that the tests share, which can be closed without ending it. */
async function openWay(endpoint: string): Promise<Way> {
  const { hostname, port } = new URL(endpoint);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const there = connect(Number(port), hostname);
    pipeline(socket, there, socket, () => undefined);
    for (const one of [socket, there]) sockets.add(one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

for (const [server, start] of Object.entries(S3_SERVERS)) {
  describe(`models in a bucket of ${server}`, () => {
    let bucket: TestBucket;
    let way: Way;
    let inference: TestInference;
    before(async () => {
      bucket = await openTestBucket(start);
      way = await openWay(bucket.server.endpoint);
      inference = await openForTest({
        S3_ENDPOINT: way.url,
        S3_REGION: bucket.server.region,
        MODEL_BUCKET: bucket.options.bucket,
      });
      await writeFile(join(inference.folder, 'secrets', 's3-access-key'), bucket.server.accessKey);
      await writeFile(join(inference.folder, 'secrets', 's3-secret-key'), bucket.server.secretKey);
    });
    after(async () => {
      await inference.close();
      await way.close();
      await bucket.close();
    });

    const model = (name: string) => readFile(join(MODELS, `${name}.onnx`));
    const X = { name: 'x', shape: [1, 3], datatype: 'FP32', data: [0, 0, 1] };
    const infer = (path: string, input: object) => inference.post(`/v2/models/${path}/infer`, { inputs: [input] });
    const put = (key: string, value: Buffer | object) =>
      bucket.store.put(key, Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)));
    const load = (name: string) => inference.post(`/v2/repository/models/${name}/load`, {});

    it('are served by name and version, the newest by default', async () => {
      await put('m/1/model.onnx', await model('linear'));
      await put('m/10/model.onnx.gz', gzipSync(await model('linear-fixed')));
      await put('m/9/model.onnx', await model('exp'));
      await put('elsewhere/readme.txt', Buffer.from('x'));
      const metadata = (await inference.call({ path: '/v2/models/m' })).json() as { versions: string[] };
      assert.deepEqual(metadata.versions.toSorted(), ['1', '10', '9']);
      assert.equal((await infer('m', { ...X, shape: [2, 3], data: [0, 0, 1, 0, 0, 1] })).status, 400);
      assert.equal((await infer('m/versions/1', { ...X, shape: [2, 3], data: [0, 0, 1, 0, 0, 1] })).status, 200);
      const index = (await inference.post('/v2/repository/index', {})).json() as { name: string }[];
      assert.equal(index.filter(({ name }) => name === 'm').length, 3);
    });

    it('take labels and options from config.json, and are refused with the reason when that is wrong', async () => {
      await put('c/1/model.onnx', await model('softmax'));
      await put('c/1/config.json', {
        labels: ['a', 'b', 'c'],
        options: { max_batch: 8, max_delay_us: 100, pinned: true },
      });
      const config = (await inference.call({ path: '/v2/models/c/config' })).json() as Record<string, unknown>;
      assert.equal(config.max_batch_size, 8);
      assert.deepEqual(config.class_labels, ['a', 'b', 'c']);
      for (const [wrong, expected] of [
        [Buffer.from('{'), /must be a JSON object/],
        [Buffer.alloc(0), /must be a JSON object/],
        [{ colour: 1 }, /colour is not known/],
        [{ options: { max_batch: 'many' } }, /max_batch must be a whole number/],
        [{ sha256: 'ab'.repeat(32) }, /SHA-256 must be/],
      ] as const) {
        await put('c/1/config.json', wrong);
        const answer = await load('c');
        assert.equal(answer.status, 422);
        assert.match(answer.body.toString(), expected);
      }
      await put('c/1/config.json', {
        sha256: createHash('sha256')
          .update(await model('softmax'))
          .digest('hex'),
      });
      assert.equal((await load('c')).status, 200);
    });

    it('become ready only when their golden samples pass', async () => {
      const golden = (y: number) => ({ options: { golden: [{ inputs: { x: [0, 0, 1] }, outputs: { y: [[y]] } }] } });
      await put('g/1/model.onnx', await model('linear'));
      await put('g/1/config.json', golden(0.9));
      assert.equal((await inference.call({ path: '/v2/models/g/ready' })).status, 422);
      await put('g/1/config.json', golden(0.5));
      assert.equal((await load('g')).status, 200);
      assert.equal((await inference.call({ path: '/v2/models/g/ready' })).status, 200);
      // A worse model in its place is not taken.
      await put('g/1/model.onnx', await model('any-rank'));
      assert.equal((await load('g')).status, 422);
      const answer = (await infer('g', X)).json() as { outputs: { data: number[] }[] };
      assert.deepEqual(answer.outputs[0]?.data, [0.5]);
    });

    it('that contradict their own input shape are refused when they are loaded', async () => {
      await put('bad/1/model.onnx', await model('contradicts'));
      const answer = await load('bad');
      assert.equal(answer.status, 422);
      assert.match(answer.body.toString(), /its graph must fit/);
    });

    it('are what scenarios name as s3://bucket/key, other files beside them', async () => {
      await put('files/external.onnx', await model('external'));
      await put('files/external.weights', await readFile(join(MODELS, 'external.weights')));
      const location = `s3://${bucket.options.bucket}/files/external.onnx`;
      inference.records.set('s 1', record('s', '1', { name: 's', location }));
      const { results, problem } = await sendBatch(inference, 's', '1', [features('e', { x: new Array(300).fill(0) })]);
      assert.ok(results, problem.detail);
      const [[y]] = dataOf(results[0], 'y') as [[number]];
      assert.ok(Math.abs(y - 1 / (1 + Math.exp(3))) < 1e-6);
      inference.records.set('t 1', record('t', '1', { name: 't', location: `${location}x` }));
      const missing = await sendBatch(inference, 't', '1', [features('e', { x: [1] })]);
      assert.equal(missing.status, 503);
      assert.match(missing.problem.detail, /NoSuchKey/);
    });

    it('serve on while the bucket is away', async () => {
      assert.equal((await infer('m/versions/1', X)).status, 200);
      await way.close();
      assert.equal((await load('m')).status, 503);
      assert.equal((await infer('m/versions/1', X)).status, 200);
      assert.equal((await infer('never-known', X)).status, 404);
    });
  });
}
