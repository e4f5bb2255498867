import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { type ChannelModel, connect } from 'amqplib';
import { request } from 'undici';
import type { BlobEntry } from '#lib/blob/blob-store.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { uniqueName } from '../../support/servers.ts';
import { digit, digitPng, numberOf } from './digits.ts';
import { API_KEY, type SensoryProcess, startSensory } from './sensory-process.ts';
import { startCourier } from './task-courier.ts';
import { openVhost } from './vhost.ts';

const CATEGORIES = ['1', '10', '2', 'Ähre', 'cat'];

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`the older sample service's contract on ${name}`, () => {
    let bucket: TestBucket;
    let amqpUrl: string;
    let sensory: SensoryProcess;
    let courier: { close(): Promise<void> };
    let trainer: ChannelModel;

    before(async () => {
      bucket = await openTestBucket(start);
      amqpUrl = await openVhost();
      sensory = await startSensory({
        s3: bucket.options,
        couchdbUrl: await couchdbUrl(),
        couchdbDatabase: uniqueName('orders'),
        amqpUrl,
        env: { SHARD_SIZE: '40' },
      });
      courier = await startCourier(amqpUrl, () => sensory.url);
      trainer = await connect(amqpUrl, { noDelay: true });
    });

    after(async () => {
      await trainer?.close();
      await courier?.close();
      await sensory?.stop();
      await bucket?.close();
    });

    const body = (n: number, more: object = {}) => ({
      name: 'digits',
      width: 8,
      height: 8,
      category: CATEGORIES[n % CATEGORIES.length],
      data: digitPng(n).toString('base64'),
      ...more,
    });

    it('says its version and that it lives, to anybody', async () => {
      const version = await sensory.call('GET', '/api/version', undefined, {});
      assert.equal(version.status, 200);
      assert.equal(version.json['dicebox lib version'], '0.3.0');
      assert.equal(typeof version.json.version, 'string');
      assert.deepEqual((await sensory.call('GET', '/health/plain', undefined, {})).json, true);
    });

    it('refuses a wrong or missing key with 403, another or no version with 400', async () => {
      const version = { 'API-VERSION': '0.3.0' };
      for (const [headers, status] of [
        [version, 403],
        [{ ...version, 'API-ACCESS-KEY': 'wrong' }, 403],
        [{ 'API-ACCESS-KEY': 'wrong' }, 403],
        [{ 'API-ACCESS-KEY': API_KEY }, 400],
        [{ 'API-ACCESS-KEY': API_KEY, 'API-VERSION': '0.4.0' }, 400],
      ] as const) {
        const answer = await sensory.call('GET', '/api/sensory/category', undefined, headers);
        assert.equal(answer.status, status);
        assert.match(answer.type, /json/);
      }
    });

    it('answers an unknown route as the older service did', async () => {
      const answer = await sensory.call('GET', '/api/sensory/nothing');
      assert.equal(answer.status, 404);
      assert.deepEqual(answer.json, { error: 'Not found' });
    });

    it('has no categories and no batch while nothing is stored', async () => {
      assert.deepEqual((await sensory.call('GET', '/api/sensory/category')).json, { category_map: {} });
      const answer = await sensory.call('POST', '/api/sensory/request', { batch_size: 1, noise: 0 });
      assert.equal(answer.status, 400);
      assert.equal(answer.json.max_batch_size, 0);
    });

    it('stores samples where an old dataset folder has them', async () => {
      for (let n = 0; n < 100; n++) {
        const answer = await sensory.call('POST', '/api/sensory/store', body(n));
        assert.deepEqual([answer.status, answer.json], [200, { sensory_store: true }]);
      }
      const found: BlobEntry[] = [];
      for await (const entry of bucket.store.list('digits_8x8/data/')) found.push(entry);
      assert.equal(found.length, 100);
      for (const { key } of found) assert.match(key, /^digits_8x8\/data\/[^/]+\/\d{4}-\d\d-\d\d_[^/]*\.png$/);
    });

    it('maps categories, sorted, to indexes from 0', async () => {
      const { status, json } = await sensory.call('GET', '/api/sensory/category');
      assert.equal(status, 200);
      assert.deepEqual(Object.entries(json.category_map), [
        ['1', 0],
        ['2', 2],
        ['10', 1],
        ['cat', 3],
        ['Ähre', 4],
      ]);
    });

    it('gives a batch with one-hot labels and each sample once', async () => {
      const { status, json } = await sensory.call('POST', '/api/sensory/request', { batch_size: 100, noise: 0 });
      assert.equal(status, 201);
      assertWhole(json.data, json.labels);
    });

    it('gives other samples at other times', async () => {
      const draw = async () =>
        (await sensory.call('POST', '/api/sensory/request', { batch_size: 20, noise: 0 })).json.data.map(numberOf);
      assert.notDeepEqual(await draw(), await draw());
    });

    it('turns and scales with noise and keeps the size', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/request', { batch_size: 50, noise: 1 });
      const changed = json.data.filter((pixels: number[]) => {
        assert.equal(pixels.length, 64);
        assert.ok(pixels.every((value) => Number.isInteger(value) && value >= 0 && value <= 255));
        const n = numberOf(pixels);
        return n >= 100 || !Buffer.from(digit(n)).equals(Buffer.from(pixels));
      });
      assert.ok(changed.length > 25);
    });

    it('fills an order that is polled, each sample once, then gives nulls', async () => {
      const order = await sensory.call('POST', '/api/sensory/batch', { batch_size: 90, noise: 0 });
      assert.equal(order.status, 202);
      const { data, labels } = await pollAll(order.json.batch_id, 90);
      assertWhole(data, labels);
      const end = await sensory.call('POST', '/api/sensory/poll', { batch_id: order.json.batch_id });
      assert.deepEqual([end.status, end.json], [200, { label: null, data: null }]);
    });

    it('fills an order that a trainer reads from the queue right after it was taken', async () => {
      const { json } = await sensory.call('POST', '/api/sensory/batch', { batch_size: 90, noise: 0.5 });
      const channel = await trainer.createChannel();
      const got: { label: number[]; data: number[] }[] = [];
      while (got.length < 90) {
        const message = await channel.get(json.batch_id);
        if (message === false) continue;
        channel.ack(message);
        got.push(JSON.parse(message.content.toString()));
      }
      assert.deepEqual(Object.keys(got[0] ?? {}), ['label', 'data']);
      for (const { label, data } of got) {
        assert.equal(data.length, 64);
        assert.equal(label.length, CATEGORIES.length);
        assert.equal(label.filter((value) => value === 1).length, 1);
      }
      await channel.close();
    });

    it('names the largest batch when more is asked for', async () => {
      for (const route of ['request', 'batch']) {
        const answer = await sensory.call('POST', `/api/sensory/${route}`, { batch_size: 101, noise: 0 });
        assert.equal(answer.status, 400);
        assert.equal(answer.json.max_batch_size, 100);
        assert.match(answer.json.detail, /100 at most/);
      }
    });

    it('finds what another tool copied in, and misses what it deleted', async () => {
      await bucket.store.put('digits_8x8/data/copied/old file.png', digitPng(777));
      await until(async () => 'copied' in (await sensory.call('GET', '/api/sensory/category')).json.category_map);
      const { json } = await sensory.call('POST', '/api/sensory/request', { batch_size: 101, noise: 0 });
      assert.ok(json.data.map(numberOf).includes(777));
      await bucket.store.delete(['digits_8x8/data/copied/old file.png']);
      await until(async () => !('copied' in (await sensory.call('GET', '/api/sensory/category')).json.category_map));
    });

    const bad: Record<string, [string, unknown, number]> = {
      'data that is not base64': ['store', body(1, { data: 'not base64!' }), 400],
      'data that is no text': ['store', body(1, { data: 7 }), 400],
      'no data': ['store', body(1, { data: '' }), 400],
      'data that is no picture': ['store', body(1, { data: Buffer.from('hello').toString('base64') }), 422],
      'a picture of another size': ['store', body(1, { data: digitPng(1, 9).toString('base64') }), 422],
      'a picture that is cut off': ['store', body(1, { data: digitPng(1).subarray(0, 60).toString('base64') }), 422],
      'a PNG bomb': ['store', body(1, { data: bomb().toString('base64') }), 413],
      'a category that leaves its folder': ['store', body(1, { category: '../x' }), 400],
      'a category of dots': ['store', body(1, { category: '..' }), 400],
      'a category with a line break': ['store', body(1, { category: 'a\nb' }), 400],
      'an over-long category': ['store', body(1, { category: 'x'.repeat(300) }), 400],
      'no category': ['store', body(1, { category: undefined }), 400],
      'a name with a slash': ['store', body(1, { name: 'a/b' }), 400],
      'a width that is text': ['store', body(1, { width: '8' }), 400],
      'a width of 0': ['store', body(1, { width: 0 }), 400],
      'batch_size 0': ['request', { batch_size: 0, noise: 0 }, 400],
      'batch_size -1': ['batch', { batch_size: -1, noise: 0 }, 400],
      'batch_size 1e9': ['batch', { batch_size: 1e9, noise: 0 }, 400],
      'batch_size 1.5': ['request', { batch_size: 1.5, noise: 0 }, 400],
      'batch_size "ten"': ['batch', { batch_size: 'ten', noise: 0 }, 400],
      'no batch_size': ['batch', { noise: 0 }, 400],
      'noise 2': ['batch', { batch_size: 1, noise: 2 }, 400],
      'noise -0.1': ['request', { batch_size: 1, noise: -0.1 }, 400],
      'no noise': ['request', { batch_size: 1 }, 400],
      'a batch_id that is no id': ['poll', { batch_id: 'sensory.batch.request.task.queue' }, 400],
      'an unknown batch_id': ['poll', { batch_id: 'b5a1d9c0-0000-4000-8000-000000000000' }, 404],
      'a list': ['batch', [1], 400],
      'text that is not JSON': ['request', '{"batch_size": ', 400],
      'no body': ['request', '', 400],
    };
    for (const [title, [route, sent, status]] of Object.entries(bad)) {
      it(`refuses ${title} with ${status} and says why`, async () => {
        const answer = await sensory.call('POST', `/api/sensory/${route}`, sent);
        assert.equal(answer.status, status, JSON.stringify(answer.json));
        assert.match(answer.json.detail, /^Cannot /);
      });
    }

    it('has stored nothing of what it refused', async () => {
      const found: BlobEntry[] = [];
      for await (const entry of bucket.store.list('')) found.push(entry);
      assert.equal(found.filter(({ key }) => key.includes('/data/')).length, 100);
    });

    it('gives its metrics', async () => {
      const metrics = async () => (await request(`${sensory.url}/metrics`)).body.text();
      // Counted once it is recorded that they are on the queue, which a trainer does not wait for.
      await until(async () => /box_samples_drawn_total\{by="order",function="sensory"\} 180/.test(await metrics()));
      assert.match(await metrics(), /box_samples_stored_total\{function="sensory"\} 100/);
    });

    function assertWhole(data: number[][], labels: number[][]): void {
      assert.equal(new Set(data.map(numberOf)).size, data.length);
      const sorted = ['1', '10', '2', 'cat', 'Ähre'];
      data.forEach((pixels, i) => {
        const n = numberOf(pixels);
        assert.deepEqual(Buffer.from(pixels), Buffer.from(digit(n)));
        const label = sorted.map((category) => (category === CATEGORIES[n % CATEGORIES.length] ? 1 : 0));
        assert.deepEqual(labels[i], label);
      });
    }

    async function pollAll(id: string, count: number) {
      const data: number[][] = [];
      const labels: number[][] = [];
      while (data.length < count) {
        const { status, json } = await sensory.call('POST', '/api/sensory/poll', { batch_id: id });
        assert.equal(status, 200);
        if (json.data === null) continue;
        data.push(json.data);
        labels.push(json.label);
      }
      return { data, labels };
    }
  });
}

/** Asks until the condition holds; mocha's timeout is the bound. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}

/** A small file that claims 30000x30000 pixels. */
function bomb(): Buffer {
  const png = Buffer.from(digitPng(1));
  png.writeUInt32BE(30_000, 16);
  png.writeUInt32BE(30_000, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}
