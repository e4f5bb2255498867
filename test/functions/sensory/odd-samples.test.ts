import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request } from 'undici';
import { encodePng } from '#lib/image/png.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';
import { digitPng } from './digits.ts';
import { API_KEY, type SensoryProcess, startSensory } from './sensory-process.ts';

const key = { authorization: `Bearer ${API_KEY}` };
const idOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describe('samples, where things are odd', () => {
  let bucket: TestBucket;
  let sensory: SensoryProcess;

  before(async () => {
    bucket = await openTestBucket(S3_SERVERS.MinIO);
    sensory = await startSensory({
      s3: bucket.options,
      couchdbUrl: await couchdbUrl(),
      couchdbDatabase: uniqueName('orders'),
      // No broker: samples and datasets need none.
      amqpUrl: 'amqp://127.0.0.1:9/sensory',
      env: { LIST_SECONDS: '3600' },
    });
  });

  after(async () => {
    await sensory?.stop();
    await bucket?.close();
  });

  async function put(bytes: Buffer, query: string, type = 'image/png') {
    const answer = await request(`${sensory.url}/api/sensory/sample?${query}`, {
      method: 'POST',
      headers: { ...key, 'content-type': type },
      body: bytes,
    });
    // biome-ignore lint/suspicious/noExplicitAny: an answer's JSON
    return { status: answer.statusCode, json: (await answer.body.json()) as any };
  }

  const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown) =>
    sensory.call(method, `/api/sensory/${path}`, body, key);

  /** Names and bytes of all objects of a dataset. */
  async function objects(dataset: string): Promise<Map<string, Buffer>> {
    const found = new Map<string, Buffer>();
    const prefix = `${dataset}/data/`;
    for await (const { key: name } of bucket.store.list(prefix)) {
      found.set(name.slice(prefix.length), (await bucket.store.get(name)).bytes);
    }
    return found;
  }

  /** Copies files into a dataset as another tool would, before the function has seen it. */
  async function copyIn(dataset: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
    for (const [path, bytes] of Object.entries(files)) await bucket.store.put(`${dataset}/data/${path}`, bytes);
  }

  it('counts categories of any name', async () => {
    for (const [n, category] of ['__proto__', 'constructor', 'plain'].entries()) {
      assert.equal((await put(digitPng(n), `dataset=names_8x8&category=${category}`)).status, 201);
    }
    const { json } = await call('GET', 'dataset/names_8x8');
    assert.deepEqual(
      Object.entries<{ samples: number; index: number }>(json.categories).map(([name, of]) => [
        name,
        of.samples,
        of.index,
      ]),
      [
        ['__proto__', 1, 0],
        ['constructor', 1, 1],
        ['plain', 1, 2],
      ],
    );
    const spec = (weights: object) => `balance=${encodeURIComponent(JSON.stringify(weights))}&dataset=names_8x8`;
    const { statusCode, body } = await request(`${sensory.url}/api/sensory/stream?${spec({ plain: 1 })}`, {
      headers: key,
    });
    assert.equal(statusCode, 200);
    const bytes = Buffer.from(await body.arrayBuffer());
    const labelsAt = bytes.indexOf('BTCH') + 24 + bytes.readUInt32LE(bytes.indexOf('BTCH') + 8);
    assert.deepEqual(
      [0, 4, 8].map((at) => bytes.readInt32LE(labelsAt + at)),
      [2, 2, 2],
      'only plain has a weight',
    );
    const odd = { constructor: { probability: 1 } };
    const refused = await call('GET', `stream?dataset=names_8x8&augment=${encodeURIComponent(JSON.stringify(odd))}`);
    assert.equal(refused.status, 400, JSON.stringify(refused.json));
    const { json: stored } = await put(Buffer.from('x'), 'dataset=names_8x8&category=plain', 'constructor');
    assert.match(stored.path, /\.bin$/);
  });

  it('overwrites no sample by relabelling one of the same file name', async () => {
    const [cat, dog] = [digitPng(100), digitPng(101)];
    await copyIn('same_8x8', {
      'cat/1.png': cat,
      'dog/1.png': dog,
      'dog/2.png': digitPng(102),
      'dog/3.png': digitPng(103),
    });
    await call('GET', 'dataset/same_8x8');
    await packed('same_8x8', 4);
    const answer = await call('POST', `sample/${idOf(cat)}/label?dataset=same_8x8`, { category: 'dog', by: 'Ada' });
    assert.equal(answer.status, 200, JSON.stringify(answer.json));
    const found = await objects('same_8x8');
    assert.equal(found.size, 4);
    assert.ok(found.get('dog/1.png')?.equals(dog));
    assert.ok(found.get(answer.json.path)?.equals(cat));
    assert.equal(answer.json.path, `dog/1_${idOf(cat)}.png`);
    assert.equal((await call('GET', `sample/${idOf(dog)}?dataset=same_8x8`)).json.category, 'dog');
  });

  it('overwrites no sample by undeleting one of the same file name', async () => {
    const [first, second] = [digitPng(110), digitPng(111)];
    await copyIn('back_8x8', { 'cat/1.png': first });
    await call('GET', 'dataset/back_8x8');
    await packed('back_8x8', 1);
    assert.equal((await call('DELETE', `sample/${idOf(first)}?dataset=back_8x8`)).status, 204);
    await copyIn('back_8x8', { 'cat/1.png': second });
    const refused = await call('POST', `sample/${idOf(first)}/undelete?dataset=back_8x8`);
    assert.equal(refused.status, 409, JSON.stringify(refused.json));
    assert.ok((await objects('back_8x8')).get('cat/1.png')?.equals(second));
    await bucket.store.delete(['back_8x8/data/cat/1.png']);
    assert.equal((await call('POST', `sample/${idOf(first)}/undelete?dataset=back_8x8`)).status, 200);
    assert.ok((await objects('back_8x8')).get('cat/1.png')?.equals(first));
  });

  /** What was copied in has its id once it is packed. */
  async function packed(dataset: string, samples: number): Promise<void> {
    while ((await call('GET', `dataset/${dataset}`)).json.packed < samples);
  }

  for (const [way, status] of [
    ['link', 200],
    ['refuse', 409],
  ] as const) {
    it(`keeps bytes once that come eight times at once with duplicates=${way}`, async () => {
      const dataset = `once${way}_8x8`;
      const query = `dataset=${dataset}&category=a&duplicates=${way}`;
      const answers = await Promise.all(Array.from({ length: 8 }, () => put(digitPng(120), query)));
      assert.deepEqual(
        answers.map((answer) => answer.status).sort(),
        way === 'link' ? [...Array(7).fill(status), 201] : [201, ...Array(7).fill(status)],
      );
      assert.equal((await objects(dataset)).size, 1);
    });
  }

  it('refuses facts that are longer than an object store takes, as the fault of the caller', async () => {
    const fact = encodeURIComponent('長'.repeat(500));
    const answer = await put(Buffer.from('long'), `category=x&source=${fact}&group=${fact}`, 'text/plain');
    assert.equal(answer.status, 400, JSON.stringify(answer.json));
  });

  it('says that a page cannot be followed by another where its last sample is gone', async () => {
    for (let n = 130; n < 134; n++) await put(digitPng(n), 'dataset=pages_8x8&category=a');
    const { json } = await call('GET', 'sample?dataset=pages_8x8&limit=2');
    await call('DELETE', `sample/${json.samples[1].id}?dataset=pages_8x8`);
    const next = await call('GET', `sample?dataset=pages_8x8&limit=2&after=${encodeURIComponent(json.next)}`);
    assert.deepEqual([next.status, next.json.code], [404, 'not_found']);
  });

  it('refuses an order of more files than an order can have', async () => {
    await put(digitPng(140), 'dataset=many_8x8&category=a');
    for (let n = 141; n < 151; n++) await put(digitPng(n), 'dataset=many_8x8&category=a');
    const answer = await call('POST', 'order', { dataset: 'many_8x8', size: 11_000, file_samples: 1 });
    assert.equal(answer.status, 400, JSON.stringify(answer.json));
  });

  it('answers a path that is no text', async () => {
    assert.ok([400, 404].includes((await call('GET', 'sample/%zz')).status));
  });

  it('bounds what a request holds by the size of the pictures', async () => {
    const side = 2048;
    for (let n = 0; n < 5; n++) {
      const data = new Uint8Array(side * side).fill(n);
      const bytes = encodePng({ width: side, height: side, channels: 1, data });
      await bucket.store.put(`large_${side}x${side}/data/a/${n}.png`, bytes);
    }
    const large = await startSensory({
      s3: bucket.options,
      couchdbUrl: await couchdbUrl(),
      couchdbDatabase: uniqueName('orders'),
      amqpUrl: 'amqp://127.0.0.1:9/sensory',
      env: { DATASET_WIDTH: String(side), DATASET_HEIGHT: String(side), DATASET_NAME: 'large' },
    });
    try {
      const batch = await large.call('POST', '/api/sensory/request', { batch_size: 5, noise: 0 });
      assert.deepEqual([batch.status, batch.json.max_batch_size], [400, 4], JSON.stringify(batch.json));
      assert.equal((await large.call('POST', '/api/sensory/request', { batch_size: 1, noise: 0 })).status, 201);
      const stream = await large.call('GET', '/api/sensory/stream?batch_size=9', undefined, key);
      assert.equal(stream.status, 400);
    } finally {
      await large.stop();
    }
  });
});
