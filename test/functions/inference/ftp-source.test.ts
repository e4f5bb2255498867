import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';
import { findPythonOf } from '../../../setup/python-environment.ts';
import { temporaryFolder } from '../../support/servers.ts';
import { type OddServer, type OddServerOptions, startOddServer } from './ftp/odd-server.ts';
import { MODELS, openForTest, stage, type TestInference } from './support/open-for-test.ts';

const X = [['x', 'float32', [null, 3]]] as const;
const Y = [['y', 'float32', [null, 1]]] as const;

describe('models over ftp', () => {
  let model: Buffer;
  let server: ChildProcess;
  let port: number;
  let inference: TestInference;
  const odd: OddServer[] = [];

  before(async () => {
    model = await readFile(join(MODELS, 'linear.onnx'));
    const folder = await temporaryFolder('ftp');
    await mkdir(join(folder, 'public/a b'), { recursive: true });
    await copyFile(join(MODELS, 'linear.onnx'), join(folder, 'public/linear.onnx'));
    await copyFile(join(MODELS, 'external.onnx'), join(folder, 'public/a b/external.onnx'));
    await copyFile(join(MODELS, 'external.weights'), join(folder, 'public/a b/external.weights'));
    await writeFile(join(folder, 'private.onnx.gz'), gzipSync(model));
    const python = findPythonOf('test', process.env) ?? assert.fail('npm test makes the Python environment');
    server = spawn(python, [join(import.meta.dirname, 'ftp/serve.py'), folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: server.stdout ?? assert.fail() });
    port = Number((await once(lines, 'line'))[0]);
    inference = await openForTest({ MODEL_HOSTS: 'localhost,127.0.0.1', MODEL_MAX_BYTES: '100000' });
  });
  afterEach(async () => {
    for (const one of odd.splice(0)) await one.close();
  });
  after(async () => {
    await inference.close();
    const ended = once(server, 'exit');
    server.stdin?.end();
    await ended;
  });

  interface Answer {
    readonly status: number;
    readonly detail: string;
  }

  async function verify(location: string, sha256?: string, using = inference): Promise<Answer> {
    const definition = stage({ location, inputs: X, outputs: Y, ...(sha256 && { sha256 }) });
    const answer = await using.post('/verify', definition);
    return { status: answer.status, detail: String((answer.json() as { detail?: string }).detail) };
  }

  async function oddly(options: Partial<OddServerOptions>): Promise<OddServer> {
    const started = await startOddServer({ content: model, ...options });
    odd.push(started);
    return started;
  }

  it('are fetched as anonymous or with a login, packed or not, with the files that hold their tensors', async () => {
    assert.deepEqual(await verify(`ftp://127.0.0.1:${port}/linear.onnx`), { status: 200, detail: 'undefined' });
    assert.equal((await verify(`ftp://localhost:${port}/linear.onnx`)).status, 200);
    const sha256 = createHash('sha256').update(model).digest('hex');
    assert.equal((await verify(`ftp://box:p%40ss@127.0.0.1:${port}/private.onnx.gz`, sha256)).status, 200);
    const external = stage({ location: `ftp://127.0.0.1:${port}/a%20b/external.onnx` });
    const answer = await inference.post('/verify', external);
    assert.doesNotMatch(answer.body.toString(), /fetch/);
  });

  it('are refused clearly: no such file, a wrong login, another hash, a host that is not listed, no server', async () => {
    const refusals: readonly (readonly [location: string, said: RegExp, sha256?: string])[] = [
      [`ftp://127.0.0.1:${port}/nobody.onnx`, /127\.0\.0\.1:\d+: nobody\.onnx: 550/],
      [`ftp://box:guessed@127.0.0.1:${port}/linear.onnx`, /530/],
      [`ftp://127.0.0.1:${port}/linear.onnx`, /SHA-256 must be 0{64}/, '0'.repeat(64)],
      ['ftp://elsewhere.example/linear.onnx', /must be listed in MODEL_HOSTS, got "elsewhere\.example"/],
      [`ftp://127.0.0.1:${port}/a%0d%0aDELE%20b.onnx`, /an FTP location is/],
      [`ftp://127.0.0.1:${port}/`, /an FTP location is/],
    ];
    for (const [location, said, sha256] of refusals) {
      const { status, detail } = await verify(location, sha256);
      assert.equal(status, 422, `${location}: ${detail}`);
      assert.match(detail, said);
      assert.doesNotMatch(detail, /guessed/);
    }
    const gone = await verify('ftp://127.0.0.1:9/linear.onnx');
    assert.equal(gone.status, 503, gone.detail);
  });

  it('come from private addresses only when these are listed by name', async () => {
    const publicOnly = await openForTest({ MODEL_HOSTS: '*' });
    try {
      for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
        const { status, detail } = await verify(`ftp://${host}:${port}/linear.onnx`, undefined, publicOnly);
        assert.equal(status, 422, detail);
        assert.match(detail, /a host with a private address must be listed/);
      }
    } finally {
      await publicOnly.close();
    }
  });

  it('are not fetched from another address than the control connection’s', async () => {
    const { port: at } = await oddly({ passiveHost: '10,0,0,1' });
    const { status, detail } = await verify(`ftp://127.0.0.1:${at}/m.onnx`);
    assert.equal(status, 503, detail);
    assert.match(detail, /PASV returned another host \(10\.0\.0\.1\)/);
  });

  it('are never half there: a transfer that is short of its size fails, and leaves nothing behind', async () => {
    const { port: at } = await oddly({ size: model.length, sends: 50 });
    const { status, detail } = await verify(`ftp://127.0.0.1:${at}/m.onnx`);
    assert.equal(status, 503, detail);
    assert.match(detail, new RegExp(`must have ${model.length} bytes, got 50`));
    const left = await readdir(join(inference.folder, 'cache', 'content'));
    assert.deepEqual(
      left.filter((name) => name.endsWith('.part')),
      [],
    );
  });

  it('are too large when the server says so, and when it does not', async () => {
    const large = Buffer.alloc(200_000);
    for (const options of [{ size: large.length }, {}]) {
      const { port: at } = await oddly({ content: large, ...options });
      const { status, detail } = await verify(`ftp://127.0.0.1:${at}/m.onnx`);
      assert.equal(status, 422, detail);
      assert.match(detail, /at most 100000 bytes are taken/);
    }
  });

  it('are given up when they take too long', async () => {
    const impatient = await openForTest({ MODEL_HOSTS: '127.0.0.1', MODEL_FETCH_TIMEOUT_MS: '300' });
    try {
      const { port: at } = await oddly({ stallsAfter: 10 });
      const { status, detail } = await verify(`ftp://u:secret@127.0.0.1:${at}/m.onnx`, undefined, impatient);
      assert.equal(status, 504, detail);
      assert.match(detail, /ftp:\/\/127\.0\.0\.1:\d+\/m\.onnx: it must be here within 300 ms/);
    } finally {
      await impatient.close();
    }
  });

  it('are not fetched again while size and time stay the same', async () => {
    const { port: at, commands } = await oddly({ size: model.length });
    for (let i = 0; i < 3; i++) assert.equal((await verify(`ftp://127.0.0.1:${at}/m.onnx`)).status, 200);
    assert.equal(commands.filter((command) => command.startsWith('RETR')).length, 1);
  });
});
