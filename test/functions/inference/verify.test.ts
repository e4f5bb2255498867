import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../../support/servers.ts';
import {
  listen,
  MODELS,
  openForTest,
  record,
  type StageOptions,
  stage,
  type TestInference,
} from './support/open-for-test.ts';

interface VerifyAnswer {
  readonly inputs: { name: string; dtype: string; shape: unknown }[];
  readonly outputs: { name: string; dtype: string; shape: unknown }[];
  readonly warnings: { pointer: string; message: string }[];
  readonly detail: string;
  readonly errors: { pointer: string; detail: string }[];
}

describe('POST /verify', () => {
  let inference: TestInference;
  let root: string;
  let server: Server;
  let web: string;
  let requests: string[];

  before(async () => {
    root = await temporaryFolder('verify');
    server = createServer(async (request, response) => {
      requests.push(request.url ?? '');
      const path = request.url ?? '';
      if (path.startsWith('/to?'))
        return response.writeHead(302, { location: decodeURIComponent(path.slice(4)) }).end();
      if (path === '/loop') return response.writeHead(302, { location: '/loop' }).end();
      if (path === '/login') return response.writeHead(200).end('<!DOCTYPE html><html>log in</html>');
      if (path === '/huge') return response.writeHead(200, { 'content-length': '3000000000' }).end('x');
      if (path === '/bomb.onnx.gz') return response.end(gzipSync(Buffer.alloc(30_000_000)));
      if (path === '/half') {
        response.writeHead(200, { 'content-length': '100' }).write('x');
        return response.destroy();
      }
      if (path === '/slow') return response.writeHead(200).write('x');
      if (path === '/linear.onnx') {
        const bytes = await readFile(join(MODELS, 'linear.onnx'));
        const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
        if (request.headers['if-none-match'] === etag) return response.writeHead(304).end();
        return response.writeHead(200, { etag }).end(bytes);
      }
      if (path === '/linear.onnx.gz') return response.end(gzipSync(await readFile(join(MODELS, 'linear.onnx'))));
      return response.writeHead(404).end();
    });
    web = await listen(server);
    const odd = ['sequence', 'map', 'optional', 'default'].map((kind) => `${kind}-input.onnx`);
    const plain = ['linear', 'softmax', 'contradicts', 'iris-numbers', 'words'].map((name) => `${name}.onnx`);
    for (const name of [...plain, ...odd]) {
      await copyFile(join(MODELS, name), join(root, name));
    }
    inference = await openForTest({
      MODEL_ROOT: root,
      MODEL_HOSTS: `127.0.0.1:${new URL(web).port},*`,
      MODEL_MAX_BYTES: '10000000',
    });
  });
  beforeEach(() => {
    requests = [];
  });
  after(async () => {
    await inference.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const X: NonNullable<StageOptions['inputs']> = [['x', 'float32', [1, 3]]];
  const Y: NonNullable<StageOptions['outputs']> = [['y', 'float32', [1, 1]]];

  async function verify(options: StageOptions) {
    const answer = await inference.post('/verify', stage({ inputs: X, outputs: Y, ...options }));
    return { status: answer.status, body: answer.json() as VerifyAnswer };
  }

  async function refused(options: StageOptions): Promise<VerifyAnswer> {
    const { status, body } = await verify(options);
    assert.equal(status, 422, JSON.stringify(body));
    return body;
  }

  it('tells what a model takes and gives', async () => {
    const { status, body } = await verify({ location: 'linear.onnx' });
    assert.equal(status, 200);
    assert.deepEqual(body, {
      inputs: [{ name: 'x', dtype: 'float32', shape: ['n', 3] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: ['n', 1] }],
      warnings: [],
    });
  });

  it('refuses names that the model has not, each with its place and the nearest ones', async () => {
    const body = await refused({
      location: 'softmax.onnx',
      inputs: [['pixels', 'float32', [1, 1, 2, 2]]],
      outputs: [['probabilities', 'float32', [1, 3]]],
    });
    assert.deepEqual(
      body.errors.map(({ pointer }) => pointer),
      [
        '/model_descriptor/model_input_info/0/data_name',
        '/model_descriptor/model_input_info',
        '/model_descriptor/model_output_info/0/data_name',
      ],
    );
    assert.match(body.errors[0]?.detail ?? '', /nearest: "serving\/pixels:0"/);
    assert.match(body.errors[2]?.detail ?? '', /nearest: "serving\/probabilities:0", "logits"/);
  });

  it('refuses an input shape or dtype that cannot fit, and takes those that can', async () => {
    const body = await refused({ location: 'linear.onnx', inputs: [['x', 'string', [1, 4]]] });
    assert.deepEqual(
      body.errors.map(({ pointer }) => pointer),
      ['/model_descriptor/model_input_info/0/data_shape', '/model_descriptor/model_input_info/0/data_type'],
    );
    for (const shape of [[3], [1, 3], [-1, 3], [null, 3], ['batch', 3], [5, 3], [1, 1, 3]]) {
      const { status } = await verify({ location: 'linear.onnx', inputs: [['x', 'float32', shape]] });
      assert.equal(status, 200, JSON.stringify(shape));
    }
  });

  it('only warns of an input dtype that is converted, and of outputs that differ', async () => {
    const { status, body } = await verify({
      location: 'iris-numbers.onnx',
      inputs: [['float_input', 'float64', [1, 4]]],
      outputs: [
        ['output_label', 'float32', [1, 1]],
        ['output_probability', 'float32', []],
      ],
      labels: ['a', 'b'],
    });
    assert.equal(status, 200);
    assert.deepEqual(
      body.warnings.map(({ pointer }) => pointer),
      [
        '/model_descriptor/model_input_info/0/data_type',
        '/model_descriptor/model_output_info/0/data_type',
        '/model_descriptor/model_output_info/0/data_shape',
        '/model_descriptor/model_class_labels',
      ],
    );
  });

  it('refuses a model whose graph contradicts the input shape that it declares', async () => {
    const body = await refused({ location: 'contradicts.onnx', inputs: [['x', 'float32', [1, 4]]] });
    assert.equal(body.errors[0]?.pointer, '/model_descriptor/model_input_info');
    assert.match(body.errors[0]?.detail ?? '', /zeros of that shape fail/);
  });

  it('only warns when a model knows no such word as the empty one that it is tried with', async () => {
    const { status, body } = await verify({
      location: 'words.onnx',
      inputs: [['words', 'string', [1, 2]]],
      outputs: [['output_label', 'int64', [1]]],
    });
    assert.equal(status, 200, body.detail);
    assert.match(body.warnings[0]?.message ?? '', /could not be tried out/);
  });

  it('checks model_options, and golden samples by running them', async () => {
    const bad = await refused({
      location: 'linear.onnx',
      options: { max_batch: 0, placement: 'gpu', colour: 1, golden: [{}] },
    });
    assert.deepEqual(
      bad.errors.map(({ pointer }) => pointer.replace('/model_descriptor/model_options', '')),
      ['/colour', '/golden/0', '/placement', '/max_batch'],
    );
    const golden = (y: number) => [{ inputs: { x: [0, 0, 1] }, outputs: { y: [[y]] } }];
    assert.equal((await verify({ location: 'linear.onnx', options: { golden: golden(0.5) } })).status, 200);
    const off = await refused({ location: 'linear.onnx', options: { golden: golden(0.6) } });
    assert.equal(off.errors[0]?.pointer, '/model_descriptor/model_options/golden');
    assert.match(off.errors[0]?.detail ?? '', /sample 0 must pass: output "y" element 0 must be 0.6/);
  });

  it('takes the next execution provider when one is not there', async () => {
    const { status } = await verify({
      location: 'linear.onnx',
      options: { providers: ['cuda', 'cpu'], intra_op_threads: 2 },
    });
    assert.equal(status, 200);
  });

  it('refuses what is no ONNX model, saying what it looks like', async () => {
    const model = await readFile(join(MODELS, 'linear.onnx'));
    const files: [string, Buffer, RegExp][] = [
      ['half.onnx', model.subarray(0, 90), /cut short or damaged/],
      ['zip.onnx', Buffer.from('PK\x03\x04rest'), /ZIP archive/],
      ['packed.onnx', gzipSync(model), /gzip file/],
      ['empty.onnx', Buffer.alloc(0), /empty file/],
      ['json.onnx', Buffer.from('{"a": 1}'), /JSON/],
      [
        'graph.onnx',
        Buffer.from('\n\x20\n\x05input\x12\x0bPlaceholder*\x0b\n\x05dtype\x12\x020\x01'),
        /TensorFlow frozen graph/,
      ],
      ['pickle.onnx', Buffer.from('\x80\x04\x95', 'latin1'), /pickle/],
      ['not-gzip.onnx.gz', model, /must be gzip/],
    ];
    for (const [name, bytes, expected] of files) {
      await writeFile(join(root, name), bytes);
      const body = await refused({ location: name });
      assert.equal(body.errors[0]?.pointer, '/model_descriptor/model_location');
      assert.match(body.errors[0]?.detail ?? '', expected, name);
    }
    const body = await refused({ location: `${web}/login` });
    assert.match(body.errors[0]?.detail ?? '', /HTML page/);
  });

  it('reads models by relative and absolute path, file URL, http, and gzip of any', async () => {
    await writeFile(join(root, 'zipped.onnx.gz'), gzipSync(await readFile(join(MODELS, 'linear.onnx'))));
    for (const location of [
      './linear.onnx',
      join(root, 'linear.onnx'),
      `file://${join(root, 'linear.onnx')}`,
      'zipped.onnx.gz',
      `${web}/linear.onnx`,
      `${web}/linear.onnx.gz`,
      `${web}/to?${encodeURIComponent(`${web}/linear.onnx`)}`,
    ]) {
      const { status, body } = await verify({ location });
      assert.equal(status, 200, `${location}: ${body.detail}`);
    }
  });

  it('does not download again what has not changed', async () => {
    const fresh = await openForTest({ MODEL_HOSTS: '127.0.0.1' });
    try {
      const definition = stage({ inputs: X, outputs: Y, location: `${web}/linear.onnx` });
      const first = await fresh.post('/verify', definition);
      const second = await fresh.post('/verify', definition);
      assert.deepEqual([first.status, second.status], [200, 200]);
      assert.deepEqual(requests, ['/linear.onnx', '/linear.onnx']);
      const sha256 = createHash('sha256')
        .update(await readFile(join(MODELS, 'linear.onnx')))
        .digest('hex');
      const third = await fresh.post(
        '/verify',
        stage({ inputs: X, outputs: Y, location: `${web}/linear.onnx`, sha256 }),
      );
      assert.equal(third.status, 200);
      assert.equal(requests.length, 2);
    } finally {
      await fresh.close();
    }
  });

  it('checks model_sha256', async () => {
    const body = await refused({ location: 'linear.onnx', sha256: 'ab'.repeat(32) });
    assert.equal(body.errors[0]?.pointer, '/model_descriptor/model_sha256');
  });

  it('refuses paths that leave the root, by dots, by links, or absolutely', async () => {
    const other = await temporaryFolder('outside');
    const outside = join(other, 'outside.onnx');
    await copyFile(join(MODELS, 'linear.onnx'), outside);
    await symlink(outside, join(root, 'link.onnx'));
    await symlink(other, join(root, 'folder'));
    for (const location of [
      `../${basename(other)}/outside.onnx`,
      outside,
      `file://${outside}`,
      'link.onnx',
      'folder/outside.onnx',
      '/etc/passwd',
    ]) {
      const body = await refused({ location });
      assert.match(body.errors[0]?.detail ?? '', /must lie in MODEL_ROOT/, location);
    }
    assert.match((await refused({ location: 'nowhere.onnx' })).errors[0]?.detail ?? '', /no readable file/);
    assert.match((await refused({ location: 'folder' })).errors[0]?.detail ?? '', /MODEL_ROOT/);
  });

  it('refuses private addresses that are not listed, also after a redirect and in other spellings', async () => {
    const port = new URL(web).port;
    const urls = [
      'http://127.0.0.2:1/m.onnx',
      'http://169.254.169.254/latest/meta-data',
      'http://[::1]/m.onnx',
      'http://[::ffff:127.0.0.1]/m.onnx',
      'http://2130706434/m.onnx',
      'http://0x7f.2/m.onnx',
      'http://0/m.onnx',
      `http://localhost:${port}/m.onnx`,
      'http://10.0.0.1/m.onnx',
    ];
    for (const url of urls) {
      for (const location of [url, `${web}/to?${encodeURIComponent(url)}`]) {
        const body = await refused({ location });
        assert.match(body.errors[0]?.detail ?? '', /MODEL_HOSTS/, location);
      }
    }
  });

  it('refuses every host when none is listed, and other schemes', async () => {
    const strict = await openForTest();
    try {
      const answer = await strict.post(
        '/verify',
        stage({ location: 'http://example.org/m.onnx', inputs: X, outputs: Y }),
      );
      assert.equal(answer.status, 422);
      assert.match(answer.body.toString(), /must be listed in MODEL_HOSTS/);
    } finally {
      await strict.close();
    }
    assert.match((await refused({ location: 'gopher://x/y' })).errors[0]?.detail ?? '', /got gopher/);
    assert.match(
      (await refused({ location: 's3://models/a.onnx' })).errors[0]?.detail ?? '',
      /S3_ENDPOINT must be set/,
    );
  });

  it('refuses files that are too big, packed or not, before they fill the disk', async () => {
    assert.match((await refused({ location: `${web}/huge` })).errors[0]?.detail ?? '', /at most 10000000 bytes/);
    assert.match(
      (await refused({ location: `${web}/bomb.onnx.gz` })).errors[0]?.detail ?? '',
      /at most 10000000 bytes/,
    );
  });

  it('refuses endless redirects and missing pages; a broken or slow transfer may be tried again', async () => {
    assert.match((await refused({ location: `${web}/loop` })).errors[0]?.detail ?? '', /redirects/);
    assert.match((await refused({ location: `${web}/nothing` })).errors[0]?.detail ?? '', /got 404/);
    assert.equal((await verify({ location: `${web}/half` })).status, 503);
    // By itself: a slow machine may need as long for a transfer that is not.
    const impatient = await openForTest({ MODEL_HOSTS: '127.0.0.1', MODEL_FETCH_TIMEOUT_MS: '300' });
    try {
      const slow = await impatient.post('/verify', stage({ inputs: X, outputs: Y, location: `${web}/slow` }));
      assert.equal(slow.status, 504);
    } finally {
      await impatient.close();
    }
  });

  it('refuses a definition that the schema does not let pass', async () => {
    const broken = await inference.post('/verify', { in_topic: 'a' });
    assert.equal(broken.status, 400);
    assert.ok((broken.json() as VerifyAnswer).errors.some(({ pointer }) => pointer.startsWith('/')));
  });

  it('says how to convert a TensorFlow graph where no function does it: the command line for its very file and names', async () => {
    for (const [location, inputs, outputs, expected] of [
      ['https://models.example/a/frozen.pb.gz?v=1', X, Y, 'frozen.pb.gz --input x --output y'],
      [
        "models/it's.PB",
        [...X, ['in/b:1', 'float32', [1]]],
        [['$out', 'float32', [1]]],
        `'it'\\''s.PB' --input x in/b:1 --output '$out'`,
      ],
    ] as const) {
      const body = await refused({ location, inputs, outputs, type: 'TENSORFLOW' });
      assert.equal(body.errors.length, 1);
      assert.equal(body.errors[0]?.pointer, '/model_descriptor/model_type');
      assert.ok(body.errors[0]?.detail.includes(`"npx box model convert ${expected}"`), body.errors[0]?.detail);
      assert.match(body.errors[0]?.detail ?? '', /set model_type to ONNX/);
    }
  });

  it('refuses inputs that are no tensors, with what they are', async () => {
    for (const [name, input, kind] of [
      ['sequence-input', 'parts', 'sequence'],
      ['map-input', 'words', 'map'],
      ['optional-input', 'maybe', 'optional'],
    ] as const) {
      const body = await refused({ location: `${name}.onnx`, inputs: [[input, 'float32', []]] });
      assert.equal(body.errors[0]?.pointer, '/model_descriptor/model_location');
      assert.match(body.errors[0]?.detail ?? '', new RegExp(`input "${input}" must be a tensor, got ${kind}`));
    }
  });

  it('needs no value for an input that has a default in the file', async () => {
    const options: StageOptions = { location: 'default-input.onnx', inputs: [['x', 'float32', [null, 2]]] };
    assert.equal((await inference.post('/verify', stage(options))).status, 200);
    inference.records.set('default 1', record('default', '1', { ...options, name: 'default' }));
    const inputs = [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] }];
    const answer = await inference.post('/v2/models/default/infer', { inputs });
    assert.equal(answer.status, 200, answer.body.toString());
    assert.deepEqual((answer.json() as { outputs: { data: number[] }[] }).outputs[0]?.data, [3, 6]);
  });
});
