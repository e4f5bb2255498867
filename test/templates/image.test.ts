import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { couchdbUrl } from '../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS } from '../support/s3-bucket.ts';
import { uniqueName } from '../support/servers.ts';
import { FIXTURES, json, RuntimeProcess, TEMPLATE } from './runtime-process.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const EXPECTED = { note: 'a note', twice: 42, code: 'not_found', session: 'function' };

/** The build context that faas-cli makes: the template, the handler's folder over function/, and what stack.yml copies. */
async function buildContext(root: string, fixture: string): Promise<void> {
  await cp(TEMPLATE, root, { recursive: true });
  await cp(join(FIXTURES, fixture), join(root, 'function'), { recursive: true });
}

async function addRepositoryParts(root: string, lib = 'lib/error'): Promise<void> {
  await cp(join(REPOSITORY, lib), join(root, 'function', lib), { recursive: true });
  await cp(join(REPOSITORY, 'package.json'), join(root, 'function/package.json'));
  await symlink(join(REPOSITORY, 'node_modules'), join(root, 'function/node_modules'));
}

function bundle(root: string, out: string, arch: string): Promise<unknown> {
  const script = join(TEMPLATE, 'image/bundle.ts');
  return promisify(execFile)(process.execPath, [script, '--root', root, '--out', out, '--arch', arch]);
}

async function answerOf(
  functionPath: string,
  entry?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const runtime = new RuntimeProcess(functionPath, environment, entry);
  try {
    await runtime.logged('ready');
    return json(await runtime.post('/', '{"a":1}', 'application/json'));
  } finally {
    await runtime.kill();
  }
}

describe('template image: what is put into it', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-image-'));
    await mkdir(join(folder, 'context'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('a handler.ts answers the same as it is and bundled, worker and data file included', async () => {
    const [root, out] = [join(folder, 'context'), join(folder, 'out')];
    await buildContext(root, 'bundled');
    await addRepositoryParts(root);
    await bundle(root, out, process.arch);
    assert.deepEqual(await answerOf(join(root, 'function')), EXPECTED);
    await rm(root, { recursive: true });
    assert.deepEqual(await answerOf(join(out, 'function'), join(out, 'index.js')), EXPECTED);
  });

  it('what a bundle loads late or leaves out works all the same', async () => {
    const [root, out] = [join(folder, 'context'), join(folder, 'out')];
    await buildContext(root, 'lean');
    await addRepositoryParts(root, 'lib');
    await bundle(root, out, process.arch);
    const bucket = await openTestBucket(S3_SERVERS.MinIO);
    try {
      const { endpoint, bucket: name, credentials } = bucket.options;
      const { accessKeyId, secretAccessKey } = await credentials();
      const s3 = { S3_ENDPOINT: endpoint, S3_BUCKET: name, S3_KEY: accessKeyId, S3_SECRET: secretAccessKey };
      const couchdb = { COUCHDB_URL: await couchdbUrl(), COUCHDB_DATABASE: uniqueName('lean') };
      const answer = await answerOf(join(out, 'function'), join(out, 'index.js'), { ...s3, ...couchdb });
      const database = { text: 'ä', none: true, again: 'conflict', changed: ['a'], aborted: 'unavailable' };
      const store = { bytes: 'bytes', none: 'not_found' };
      assert.deepEqual(answer, { database, fetch: false, store, metrics: true, rule: true, server: 'function' });
      // One other character, and V8 keeps all of it in two bytes each.
      assert.doesNotMatch(await readFile(join(out, 'function/handler.js'), 'utf8'), /[^\0-\x7f]/);
    } finally {
      await bucket.close();
    }
  });

  it('of native packages only those that are imported, for the one platform, and all are in the bill of materials', async () => {
    const [root, out] = [join(folder, 'context'), join(folder, 'out')];
    await buildContext(root, 'bundled');
    await addRepositoryParts(root);
    await bundle(root, out, 'arm64');
    const packages = join(out, 'function/node_modules');
    assert.deepEqual((await readdir(packages)).toSorted(), ['onnxruntime-common', 'onnxruntime-node']);
    const binaries = await readdir(join(packages, 'onnxruntime-node/bin'), { recursive: true });
    assert.ok(binaries.some((name) => name.endsWith('linux/arm64/libonnxruntime.so.1')));
    assert.ok(binaries.every((name) => !/darwin|win32|x64/.test(name)));
    const bill: unknown = JSON.parse(await readFile(join(out, 'sbom.cdx.json'), 'utf8'));
    for (const name of ['onnxruntime-node', 'onnxruntime-common'])
      assert.match(JSON.stringify(bill), new RegExp(`pkg:npm/${name}@\\d`));
  });

  it('a handler.js goes in as it is, to have its packages installed', async () => {
    const [root, out] = [join(folder, 'context'), join(folder, 'out')];
    await buildContext(root, 'plain');
    await bundle(root, out, process.arch);
    const files = (await readdir(join(out, 'function'))).toSorted();
    assert.deepEqual(files, ['.install', 'handler.js', 'package.json']);
    await assert.rejects(stat(join(out, 'function/node_modules')));
  });

  it('the skeleton of a new function runs', async () => {
    assert.deepEqual(await answerOf(join(TEMPLATE, 'function')), { received: { a: 1 } });
  });

  it('is made with the esbuild of the lockfile', async () => {
    const lock: unknown = JSON.parse(await readFile(join(REPOSITORY, 'package-lock.json'), 'utf8'));
    const packages = Object(Reflect.get(Object(lock), 'packages'));
    const version: unknown = Reflect.get(Object(packages['node_modules/esbuild']), 'version');
    const dockerfile = await readFile(join(TEMPLATE, 'Dockerfile'), 'utf8');
    assert.match(dockerfile, new RegExp(`^ARG ESBUILD_VERSION=${version}$`, 'm'));
  });

  it('faas-cli finds the template: template/ is a link to templates/', async () => {
    const text = await readFile(join(REPOSITORY, 'template/box-node/template.yml'), 'utf8');
    assert.match(text, /^language: box-node$/m);
  });
});
