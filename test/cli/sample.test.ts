import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Gateway, openGateway } from '../../local/gateway/gateway.ts';
import { digitPng, numberOf } from '../functions/sensory/digits.ts';
import { readStream } from '../functions/sensory/read-stream.ts';
import { API_KEY, type SensoryProcess } from '../functions/sensory/sensory-process.ts';
import { startSensoryWithCourier } from '../functions/sensory/sensory-with-courier.ts';
import { deployedFunction } from '../support/deployed-function.ts';
import { openTestBucket, type TestBucket } from '../support/s3-bucket.ts';
import { sharedMinio, temporaryFolder } from '../support/servers.ts';
import { type BoxRun, runBox } from './run-box.ts';

const COUNT = 30;

describe('box sample and box order', () => {
  let folder: string;
  let bucket: TestBucket;
  let sensory: SensoryProcess;
  let gateway: Gateway;

  before(async () => {
    folder = await temporaryFolder('box-sample');
    for (let n = 0; n < COUNT; n++) {
      await mkdir(join(folder, 'in', String(n % 3)), { recursive: true });
      await writeFile(join(folder, 'in', String(n % 3), `${n}.png`), digitPng(n));
    }
    bucket = await openTestBucket(sharedMinio);
    sensory = await startSensoryWithCourier(bucket);
    gateway = await openGateway({
      functions: { find, list: () => [] },
      login: { user: 'admin', password: 'secret' },
      port: 0,
    });
  });

  after(async () => {
    await gateway?.close();
    await sensory?.stop();
    await bucket?.close();
  });

  function box(...args: string[]): Promise<BoxRun> {
    return runBox(folder, { BOX_GATEWAY: gateway.url, BOX_API_KEY: API_KEY }, ...args);
  }

  it('imports a folder, each file into the category of its own folder; again, nothing is stored twice', async () => {
    const first = await box('sample', 'import', 'in', '--source', 'camera 1');
    assert.deepEqual([first.status, first.stderr], [0, `${COUNT} stored, 0 were there already, 0 refused\n`]);
    const again = await box('sample', 'import', 'in');
    assert.deepEqual([again.status, again.stderr], [0, `0 stored, ${COUNT} were there already, 0 refused\n`]);
  });

  it('imports what it can and tells of each file that was refused', async () => {
    await mkdir(join(folder, 'mixed', '.hidden'), { recursive: true });
    await writeFile(join(folder, 'mixed', 'good.png'), digitPng(1000));
    await writeFile(join(folder, 'mixed', 'empty.png'), '');
    const run = await box('sample', 'import', 'mixed');
    assert.equal(run.status, 2);
    assert.match(run.stderr, /^1 stored, 0 were there already, 1 refused\nbox: Cannot import 1 of 2 files\n/);
    assert.match(run.stderr, /mixed\/empty\.png: Cannot store sample: the body must not be empty/);
  });

  it('lists by source and page, as a table and as JSON', async () => {
    const run = await box('sample', 'list', '--source', 'camera 1', '--category', '2', '--limit', '4');
    assert.equal(run.status, 0, run.stderr);
    const [head, ...rows] = run.stdout.trimEnd().split('\n');
    assert.match(head ?? '', /^ID +CATEGORY +BYTES +STORED +SOURCE +PATH$/);
    assert.equal(rows.length, 5);
    const after = /^10 in all; go on with --after '(2\/.*)'$/.exec(rows[4] ?? '')?.[1] ?? '';
    const rest = await box('--json', 'sample', 'list', '--source', 'camera 1', '--category', '2', '--after', after);
    const page = JSON.parse(rest.stdout);
    assert.equal(page.samples.length, 6);
    assert.equal(page.samples[0].source, 'camera 1');
  });

  it('exports what was imported, byte for byte, and goes on where it ended', async () => {
    const run = await box('sample', 'export', 'out', '--source', 'camera 1');
    assert.deepEqual([run.status, run.stderr], [0, `${COUNT} written to out, 0 were there already\n`]);
    const numbers = new Set<string>();
    for (const category of ['0', '1', '2']) {
      const names = await readdir(join(folder, 'out', category));
      assert.equal(names.length, COUNT / 3);
      for (const name of names) numbers.add((await readFile(join(folder, 'out', category, name))).toString('hex'));
    }
    const sent = Array.from({ length: COUNT }, (_, n) => digitPng(n).toString('hex'));
    assert.deepEqual(numbers, new Set(sent));
    await rm(join(folder, 'out', '1'), { recursive: true });
    const again = await box('sample', 'export', 'out', '--source', 'camera 1');
    assert.deepEqual(
      [again.status, again.stderr],
      [0, `${COUNT / 3} written to out, ${(COUNT * 2) / 3} were there already\n`],
    );
  });

  it('orders samples, waits and fetches the files; the order of an id is fetched again without a new one', async () => {
    const wanted = ['--size', '25', '--file-samples', '10', '--seed', '1', '--format', 'stream', '--split', 'all'];
    const run = await box('--json', 'order', ...wanted, '--out', 'files');
    assert.equal(run.status, 0, run.stderr);
    const { id, state, files } = JSON.parse(run.stdout);
    assert.equal(state, 'done');
    assert.deepEqual(files, ['files/shard.00000.tbx', 'files/shard.00001.tbx', 'files/shard.00002.tbx']);
    const contents = await Promise.all(files.map((file: string) => readFile(join(folder, file))));
    const pixels = contents.flatMap((bytes) => readStream(bytes).batches.flatMap((batch) => batch.pixels));
    assert.equal(new Set(pixels.map(numberOf)).size, 25);

    await rm(join(folder, 'files/shard.00001.tbx'));
    const before = await stat(join(folder, 'files/shard.00000.tbx'));
    const again = await box('order', '--id', id, '--out', 'files');
    assert.deepEqual([again.status, again.stdout], [0, `${files.join('\n')}\n`]);
    assert.equal((await stat(join(folder, 'files/shard.00000.tbx'))).mtimeMs, before.mtimeMs);
    assert.deepEqual(await readFile(join(folder, 'files/shard.00001.tbx')), contents[1]);
  });

  it('fetches the index of a format that has one', async () => {
    const run = await box('order', '--size', '5', '--format', 'mds', '--balance', '--noise', '0.5', '--out', 'mds');
    assert.deepEqual([run.status, run.stdout], [0, 'mds/index.json\nmds/shard.00000.mds\n'], run.stderr);
  });

  it('places an order without waiting, and says how it is fetched', async () => {
    const run = await box('order', '--ratios', '0.5,0.25,0.25', '--balance', '{"0":1}');
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^order [0-9a-f-]{36}: (running|done), \d+ of \d+ samples; fetch it with: box order --id/);
  });

  for (const [title, args, status, words] of [
    ['a dataset that is none', ['sample', 'list', '--dataset', 'x'], 2, /it must be of the form NAME_WIDTHxHEIGHT/],
    ['a page of 0', ['sample', 'list', '--limit', '0'], 2, /Cannot read --limit/],
    ['a folder that is not there', ['sample', 'import', 'nowhere'], 2, /there is no such file or folder/],
    ['a format that is none', ['order', '--format', 'xml'], 2, /Cannot read format: it must be one of/],
    ['a size of text', ['order', '--size', 'ten'], 2, /Cannot read --size: it must be a number, got ten/],
    ['an order that is none', ['order', '--id', 'x', '--out', 'y'], 3, /Cannot find order x/],
  ] as const) {
    it(`says what is wrong with ${title}`, async () => {
      const run = await box(...args);
      assert.equal(run.status, status, run.stderr);
      assert.match(run.stderr, words);
    });
  }

  function find(name: string) {
    return name === 'sensory' ? deployedFunction(name, sensory.url, sensory.log) : undefined;
  }
});
