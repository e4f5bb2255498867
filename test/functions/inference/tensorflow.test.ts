import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openTestBucket, type TestBucket } from '../../support/s3-bucket.ts';
import { sharedMinio, temporaryFolder } from '../../support/servers.ts';
import { type ConverterProcess, GRAPHS, startConverter } from '../converter/converter-process.ts';
import { KEY, listen, openForTest, type StageOptions, stage, type TestInference } from './support/open-for-test.ts';

const DENSE: StageOptions = {
  type: 'TENSORFLOW',
  location: 'dense.pb',
  inputs: [['dense_input', 'float32', [null, 4]]],
  outputs: [['dense_1/Softmax', 'float32', [null, 3]]],
};

describe('TensorFlow graphs', function () {
  // Each conversion starts TensorFlow, which takes half a minute on a slow machine.
  this.timeout(600_000);

  let converter: ConverterProcess;
  let gateway: Server;
  let gatewayUrl: string;
  let bucket: TestBucket;
  let root: string;
  /** What the gateway does with calls of the converter. */
  let state: 'deployed' | 'starting' | 'not deployed';
  let conversions: number;
  const opened: TestInference[] = [];

  before(async () => {
    bucket = await openTestBucket(sharedMinio);
    converter = await startConverter(KEY);
    gateway = createServer(async (request, response) => {
      const { url = '', method = 'GET', headers } = request;
      const body = await buffer(request);
      if (!url.startsWith('/function/converter/') || state === 'not deployed') {
        return response.writeHead(404).end('error finding function');
      }
      if (state === 'starting') return response.writeHead(503).end('No endpoints available for: converter.');
      if (method === 'POST') conversions++;
      const { authorization = '' } = headers;
      const sent = { method, headers: { authorization }, ...(method === 'POST' && { body }) };
      const answer = await fetch(converter.url + url.replace('/function/converter', ''), sent);
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    gatewayUrl = await listen(gateway);
  });
  beforeEach(async () => {
    state = 'deployed';
    conversions = 0;
    root = await temporaryFolder('graphs');
    for (const name of ['dense', 'words', 'not-frozen'])
      await copyFile(join(GRAPHS, `${name}.pb`), join(root, `${name}.pb`));
  });
  afterEach(async () => {
    for (const inference of opened.splice(0)) await inference.close();
  });
  after(async () => {
    await bucket.close();
    gateway.closeAllConnections();
    await new Promise((resolve) => gateway.close(resolve));
    await converter.close();
  });

  /** A function with a cache of its own, as on a machine that has seen nothing yet. */
  async function open(env: Record<string, string> = {}): Promise<TestInference> {
    const inference = await openForTest({ GATEWAY_URL: gatewayUrl, MODEL_ROOT: root, ...env });
    const { accessKey, secretKey } = bucket.server;
    await writeFile(join(inference.folder, 'secrets', 's3-access-key'), accessKey);
    await writeFile(join(inference.folder, 'secrets', 's3-secret-key'), secretKey);
    opened.push(inference);
    return inference;
  }
  const withBucket = () => {
    const { endpoint, region } = bucket.server;
    return open({ S3_ENDPOINT: endpoint, S3_REGION: region, MODEL_BUCKET: bucket.options.bucket });
  };
  const verify = (inference: TestInference, options: StageOptions) => inference.post('/verify', stage(options));

  it('are converted once, and kept in the bucket under the hash of the graph for whoever has not seen it', async () => {
    const inference = await withBucket();
    const both = await Promise.all([verify(inference, DENSE), verify(inference, DENSE)]);
    for (const answer of both) {
      assert.equal(answer.status, 200, answer.body.toString());
      assert.deepEqual(answer.json(), {
        inputs: [{ name: 'dense_input', dtype: 'float32', shape: [null, 4] }],
        outputs: [{ name: 'dense_1/Softmax', dtype: 'float32', shape: [null, 3] }],
        warnings: [],
      });
    }
    assert.equal(conversions, 1);
    const sha256 = createHash('sha256')
      .update(await readFile(join(GRAPHS, 'dense.pb')))
      .digest('hex');
    const keys: string[] = [];
    for await (const { key } of bucket.store.list(`converted/${sha256}/`)) keys.push(key);
    assert.equal(keys.length, 1);

    state = 'not deployed';
    assert.equal((await verify(await withBucket(), DENSE)).status, 200);
    // With its hash in the descriptor the graph itself need not be there any more.
    await rm(join(root, 'dense.pb'));
    assert.equal((await verify(await withBucket(), { ...DENSE, sha256 })).status, 200);
    assert.equal(conversions, 1);
  });

  it('are kept on disk where there is no bucket, and converted again for other names', async () => {
    const inference = await open();
    const words: StageOptions = { ...DENSE, location: 'words.pb', inputs: [['ids', 'int64', [null, null]]] };
    const outputs = (name: string): StageOptions => ({ ...words, outputs: [[name, 'float32', [null, 4]]] });
    assert.equal((await verify(inference, outputs('mean'))).status, 200);
    assert.equal((await verify(inference, outputs('mean'))).status, 200);
    assert.equal(conversions, 1);
    assert.equal((await verify(inference, outputs('mean:0'))).status, 200);
    assert.equal(conversions, 2);
  });

  it('are 503 while the converter is started, and 422 with the reason when they cannot be converted', async () => {
    const inference = await open();
    state = 'starting';
    const starting = await verify(inference, { ...DENSE, location: 'not-frozen.pb' });
    assert.equal(starting.status, 503);
    assert.match(starting.body.toString(), /No endpoints available for: converter/);
    state = 'deployed';
    const faulty = await verify(inference, { ...DENSE, location: 'not-frozen.pb' });
    assert.equal(faulty.status, 422);
    const { errors } = faulty.json() as { errors: { pointer: string; detail: string }[] };
    assert.equal(errors[0]?.pointer, '/model_descriptor/model_location');
    assert.match(errors[0]?.detail ?? '', /must be frozen/);
  });
});
