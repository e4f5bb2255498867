import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { open } from '../../functions/inference/handler.ts';
import { openTestBucket, type TestBucket } from '../support/s3-bucket.ts';
import { type ServedFunction, serveFunction } from '../support/served-function.ts';
import { sharedMinio, temporaryFolder } from '../support/servers.ts';

const BOX = join(import.meta.dirname, '../../cli/box.ts');
const MODELS = join(import.meta.dirname, '../functions/inference/models');
const TORCH = join(import.meta.dirname, '../functions/inference/torch');

describe('box model', () => {
  let bucket: TestBucket;
  let served: ServedFunction;
  let gateway: Server;
  let url: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder('model');
    bucket = await openTestBucket(sharedMinio);
    // The gateway's part: the path below the function's name goes to the function. It has no orchestrator.
    gateway = createServer(async (request, response) => {
      const path = request.url ?? '';
      if (!path.startsWith('/function/inference')) return response.writeHead(404).end();
      const answer = await fetch(served.url + path.replace('/function/inference', ''), {
        method: request.method ?? 'GET',
        headers: { authorization: request.headers.authorization ?? '' },
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(await answer.text());
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    const { endpoint, region, accessKey, secretKey } = bucket.server;
    await mkdir(join(folder, 'secrets'));
    const secrets = { 'box-api-key': 'secret-key', 's3-access-key': accessKey, 's3-secret-key': secretKey };
    for (const [name, value] of Object.entries(secrets)) await writeFile(join(folder, 'secrets', name), value);
    served = await serveFunction(open, {
      GATEWAY_URL: url,
      SECRETS_DIR: join(folder, 'secrets'),
      LOG_LEVEL: 'silent',
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      MODEL_BUCKET: bucket.options.bucket,
      MODEL_CACHE_DIR: join(folder, 'cache'),
      MODEL_THREADS: '1',
    });
  });

  after(async () => {
    await served.close();
    gateway.closeAllConnections();
    await new Promise((resolve) => gateway.close(resolve));
    await bucket.close();
  });

  async function box(...args: readonly string[]) {
    const { endpoint, region, accessKey, secretKey } = bucket.server;
    const env = {
      PATH: process.env.PATH,
      BOX_GATEWAY: url,
      BOX_API_KEY: 'secret-key',
      S3_ENDPOINT: endpoint,
      S3_REGION: region,
      S3_ACCESS_KEY: accessKey,
      S3_SECRET_KEY: secretKey,
      MODEL_BUCKET: bucket.options.bucket,
    };
    const child = spawn(process.execPath, [BOX, ...args], { cwd: folder, env });
    const ended = once(child, 'exit');
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { out, err, code: code as unknown };
  }

  async function keys(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const { key } of bucket.store.list(prefix)) found.push(key);
    return found;
  }

  const golden = (y: number) =>
    JSON.stringify({ options: { golden: [{ inputs: { x: [0, 0, 1] }, outputs: { y: [[y]] } }] } });

  it('keeps versions, verifies them by their golden samples, lists, shows and removes them', async () => {
    await writeFile(join(folder, 'good.json'), golden(0.5));
    await writeFile(join(folder, 'bad.json'), golden(0.9));
    const linear = join(MODELS, 'linear.onnx');
    assert.deepEqual(await box('model', 'put', 'm', linear, '--config', 'good.json'), {
      out: 'm/1: kept\n',
      err: '',
      code: 0,
    });
    assert.equal((await box('model', 'put', 'm', linear, '--config', 'bad.json')).out, 'm/2: kept\n');
    const bad = await box('model', 'verify', 'm');
    assert.equal(bad.code, 2);
    assert.match(
      bad.err,
      /^box: Cannot accept model: golden sample 0 must pass: output "y" element 0 must be 0\.8999\d*, got 0\.5/,
    );
    const good = await box('model', 'verify', 'm/1');
    assert.match(good.out, /^m\/1: loaded, golden samples passed: 1\n {2}input x: FP32 \[-1, 3\]\n {2}output y: FP32/);
    const list = JSON.parse((await box('--json', 'model', 'list')).out) as { name: string; version: string }[];
    assert.deepEqual(
      list.map(({ name, version }) => `${name}/${version}`),
      ['m/1', 'm/2'],
    );
    assert.match((await box('model', 'show', 'm/1')).out, /^m\/1\n {2}config.json .*\n {2}model.onnx .*\n.*golden/);
    assert.equal((await box('model', 'rm', 'm')).code, 2);
    assert.equal((await box('model', 'rm', 'm/2')).out, 'm/2: removed\n');
    assert.match((await box('model', 'verify', 'm')).out, /^m\/1: loaded/);
    assert.equal((await box('model', 'rm', 'm', '--all')).code, 0);
    assert.equal((await box('model', 'show', 'm')).code, 3);
    assert.deepEqual(await keys('m/'), []);
  });

  it('takes a folder with the files that hold the tensors, and leaves nothing of what a version had before', async () => {
    const source = join(folder, 'external');
    await mkdir(source);
    for (const name of ['external.onnx', 'external.weights']) await copyFile(join(MODELS, name), join(source, name));
    assert.equal((await box('model', 'put', 'e/7', source)).code, 0);
    assert.deepEqual(await keys('e/'), ['e/7/external.weights', 'e/7/model.onnx']);
    assert.match((await box('model', 'verify', 'e')).out, /^e\/7: loaded, it has no golden samples/);
    await writeFile(join(folder, 'zipped.onnx.gz'), gzipSync('anything'));
    assert.equal((await box('model', 'put', 'e/7', 'zipped.onnx.gz')).code, 0);
    assert.deepEqual(await keys('e/'), ['e/7/model.onnx.gz']);
    assert.equal((await box('model', 'verify', 'e')).code, 2);
  });

  it('takes the tensors that PyTorch keeps in a file beside the model', async () => {
    assert.equal((await box('model', 'put', 't', join(TORCH, 'conv-new.onnx'))).code, 0);
    assert.deepEqual(await keys('t/'), ['t/1/conv-new.onnx.data', 't/1/model.onnx']);
    assert.match((await box('model', 'verify', 't')).out, /^t\/1: loaded/);
  });

  it('sends large files in parts, whole', async () => {
    const path = join(folder, 'large.onnx');
    await writeFile(path, 'the beginning');
    await truncate(path, 20_000_001);
    assert.equal((await box('model', 'put', 'large', path)).err, '');
    assert.equal((await bucket.store.head('large/1/model.onnx'))?.size, 20_000_001);
    const { bytes } = await bucket.store.get('large/1/model.onnx');
    assert.ok(bytes.equals(Buffer.concat([Buffer.from('the beginning'), Buffer.alloc(20_000_001 - 13)])));
  });

  it('says what is wrong with names, folders and configs, and what is not there', async () => {
    for (const [args, code, expected] of [
      [['put', 'a/b', 'x'], 2, /NAME or NAME\/VERSION/],
      [['put', 'a', 'nowhere.onnx'], 2, /no such file/],
      [['put', 'a', MODELS], 2, /one .onnx or .onnx.gz file/],
      [['put', 'a', join(MODELS, 'exp.onnx'), '--config', join(MODELS, 'exp.onnx')], 2, /JSON object/],
      [['verify', 'nothing'], 3, /Cannot find model "nothing"/],
      [['rm', 'nothing/3'], 3, /Cannot find model nothing\/3/],
    ] as const) {
      const answer = await box('model', ...args);
      assert.match(answer.err, expected);
      assert.equal(answer.code, code, answer.err);
    }
  });
});
