import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request } from 'undici';
import { decodePng, encodePng } from '#lib/image/png.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';
import { digit, digitPng, numberOf } from './digits.ts';
import { readStream } from './read-stream.ts';
import { API_KEY, type SensoryProcess, startSensory } from './sensory-process.ts';

const key = { authorization: `Bearer ${API_KEY}` };
const idOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`samples and datasets on ${name}`, () => {
    let bucket: TestBucket;
    let sensory: SensoryProcess;

    before(async () => {
      bucket = await openTestBucket(start);
      sensory = await startSensory({
        s3: bucket.options,
        couchdbUrl: await couchdbUrl(),
        couchdbDatabase: uniqueName('orders'),
        // No broker: samples and datasets need none.
        amqpUrl: 'amqp://127.0.0.1:9/sensory',
        env: { LIST_SECONDS: '60' },
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

    async function bytesAt(path: string): Promise<{ type: string; bytes: Buffer }> {
      const { headers, body } = await request(`${sensory.url}/api/sensory/${path}`, { headers: key });
      return { type: String(headers['content-type']), bytes: Buffer.from(await body.arrayBuffer()) };
    }

    it('keeps a picture with what is known of it, under the hash of its bytes', async () => {
      const bytes = digitPng(1);
      const { status, json } = await put(bytes, 'category=one&source=camera%207&group=g1&model_version=3');
      assert.equal(status, 201, JSON.stringify(json));
      assert.equal(json.id, idOf(bytes));
      const shown = await call('GET', `sample/${json.id}`);
      assert.equal(shown.json.source, 'camera 7');
      assert.equal(shown.json.group, 'g1');
      assert.equal(shown.json.category, 'one');
      assert.deepEqual(shown.json.history, []);
      assert.ok((await bytesAt(`sample/${json.id}/bytes`)).bytes.equals(bytes));
    });

    it('keeps any content type, and puts what has no category into the inbox', async () => {
      const { json } = await put(Buffer.from('{"a":1}'), '', 'application/json');
      assert.equal(json.category, 'unlabelled');
      const { type, bytes } = await bytesAt(`sample/${json.id}/bytes`);
      assert.deepEqual([type, bytes.toString()], ['application/json', '{"a":1}']);
      const inbox = await call('GET', 'sample?category=unlabelled');
      assert.deepEqual([inbox.json.total, inbox.json.samples[0].id], [1, json.id]);
    });

    it('refuses exact duplicates, or links or keeps them as asked', async () => {
      const refused = await put(digitPng(1), 'category=one');
      assert.equal(refused.status, 409);
      const linked = await put(digitPng(1), 'category=one&duplicates=link');
      assert.deepEqual([linked.status, linked.json.duplicate], [200, true]);
      assert.equal((await put(digitPng(1), 'dataset=other_8x8&category=one')).status, 201);
      assert.equal((await put(digitPng(1), 'dataset=other_8x8&category=one&duplicates=keep')).status, 201);
      assert.equal((await call('GET', 'sample?dataset=other_8x8')).json.total, 2);
    });

    it('flags pictures that look like another', async () => {
      const smooth = (add: number) =>
        encodePng({
          width: 32,
          height: 32,
          channels: 1,
          data: Uint8Array.from(
            { length: 1024 },
            (_, i) => 100 + 60 * Math.sin(i / 37) + 30 * Math.cos((i % 32) / 5) + add,
          ),
        });
      const { json } = await put(smooth(0), 'category=wave');
      assert.equal(json.near, undefined);
      assert.deepEqual((await put(smooth(1), 'category=wave')).json.near, [json.path]);
    });

    it('lists pages by filter', async () => {
      for (let n = 10; n < 20; n++) await put(digitPng(n), `category=page&source=s${n % 2}`);
      const first = await call('GET', 'sample?category=page&source=s1&limit=3');
      assert.deepEqual([first.json.total, first.json.samples.length], [5, 3]);
      const rest = await call(
        'GET',
        `sample?category=page&source=s1&limit=3&after=${encodeURIComponent(first.json.next)}`,
      );
      assert.deepEqual([rest.json.samples.length, rest.json.next], [2, undefined]);
    });

    it('makes thumbnails', async () => {
      const { type, bytes } = await bytesAt(`sample/${idOf(digitPng(10))}/thumbnail?size=16`);
      assert.equal(type, 'image/png');
      assert.equal(decodePng(bytes, { maxPixels: 1000 }).width, 16);
    });

    it('relabels, and remembers who did when', async () => {
      const id = idOf(digitPng(11));
      const answer = await call('POST', `sample/${id}/label`, { category: 'better', by: 'Ada' });
      assert.equal(answer.status, 200, JSON.stringify(answer.json));
      const { json } = await call('GET', `sample/${id}`);
      assert.equal(json.category, 'better');
      assert.equal(json.source, 's1');
      assert.deepEqual(
        json.history.map(({ by, from, to }: Record<string, string>) => [by, from, to]),
        [['Ada', 'page', 'better']],
      );
      assert.ok((await bytesAt(`sample/${id}/bytes`)).bytes.equals(digitPng(11)));
    });

    it('deletes and undeletes', async () => {
      const id = idOf(digitPng(12));
      assert.equal((await call('DELETE', `sample/${id}`)).status, 204);
      assert.equal((await call('GET', `sample/${id}`)).status, 404);
      const back = await call('POST', `sample/${id}/undelete`);
      assert.equal(back.status, 200, JSON.stringify(back.json));
      assert.equal((await call('GET', `sample/${id}`)).json.source, 's0');
      assert.equal((await call('POST', `sample/${id}/undelete`)).status, 404);
    });

    it('never splits a group', async () => {
      for (let n = 0; n < 60; n++) await put(digitPng(1000 + n), `dataset=groups_8x8&category=x&group=g${n % 12}`);
      const groups = await Promise.all(
        ['train', 'val', 'test'].map(async (split) => {
          const ratios = encodeURIComponent('[0.4,0.3,0.3]');
          const path = `stream?dataset=groups_8x8&split=${split}&ratios=${ratios}`;
          const { bytes, type } = await bytesAt(path);
          if (!type.includes('stream')) return new Set<number>();
          return new Set(
            readStream(bytes).batches.flatMap(({ pixels }) => pixels.map((p) => (numberOf(p) - 1000) % 12)),
          );
        }),
      );
      assert.equal(
        groups.reduce((sum, { size }) => sum + size, 0),
        12,
      );
      assert.equal(new Set(groups.flatMap((group) => [...group])).size, 12);
    });

    it('describes, freezes and compares datasets', async () => {
      const dataset = 'dataset/versions_8x8';
      assert.equal((await call('GET', dataset)).status, 404);
      assert.equal((await call('PUT', dataset, { description: 'for a test' })).status, 201);
      for (let n = 0; n < 4; n++) await put(digitPng(n), `dataset=versions_8x8&category=${n % 2}`);
      const frozen = await call('POST', `${dataset}/version`, { name: 'v1' });
      assert.equal(frozen.status, 201, JSON.stringify(frozen.json));
      assert.match(frozen.json.hash, /^[0-9a-f]{64}$/);
      assert.deepEqual((await call('POST', `${dataset}/version`, { name: 'v1' })).json.hash, frozen.json.hash);
      await put(digitPng(4), 'dataset=versions_8x8&category=0');
      assert.equal((await call('POST', `${dataset}/version`, { name: 'v1' })).status, 409);
      await call('DELETE', `sample/${idOf(digitPng(0))}?dataset=versions_8x8`);
      await call('POST', `${dataset}/version`, { name: 'v2' });
      const { json } = await call('GET', `${dataset}/version/v2?compare=v1`);
      assert.deepEqual(
        [json.samples, json.compared.added.count, json.compared.removed.count, json.compared.changed.count],
        [4, 1, 1, 0],
      );
      const described = await call('GET', dataset);
      assert.equal(described.json.description, 'for a test');
      assert.deepEqual(described.json.versions, ['v1', 'v2']);
      assert.deepEqual(described.json.categories['0'].samples, 2);
      const { bytes } = await bytesAt('stream?dataset=versions_8x8&version=v1');
      const numbers = readStream(bytes).batches.flatMap(({ pixels }) => pixels.map(numberOf));
      // Number 0 was deleted since, before it was due to be packed.
      assert.deepEqual(new Set(numbers), new Set([0, 1, 2, 3]));
      assert.ok((await call('GET', 'dataset')).json.datasets.includes('versions_8x8'));
    });

    for (const [title, query, type, status] of [
      ['a category that leaves its folder', 'category=..%2Fx', 'image/png', 400],
      ['an unknown way with duplicates', 'duplicates=maybe', 'image/png', 400],
      ['a broken picture', 'category=x', 'image/png', 422],
      ['over-long facts', `source=${'x'.repeat(600)}`, 'text/plain', 400],
    ] as const) {
      it(`refuses ${title}`, async () => {
        const answer = await put(Buffer.from(`bytes of ${title}`), query, type);
        assert.equal(answer.status, status, JSON.stringify(answer.json));
      });
    }

    it('says that orders need RabbitMQ when it is down, and serves the rest', async () => {
      await put(Buffer.from(encodePng({ width: 8, height: 8, channels: 1, data: digit(5) })), 'category=one');
      const old = (path: string, body: object) => sensory.call('POST', `/api/sensory/${path}`, body);
      const order = await old('batch', { batch_size: 1, noise: 0 });
      assert.equal(order.status, 503);
      assert.match(order.json.detail, /^Cannot use RabbitMQ/);
      assert.equal((await old('request', { batch_size: 1, noise: 0 })).status, 201);
    });
  });
}
