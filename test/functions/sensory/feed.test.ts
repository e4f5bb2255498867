import assert from 'node:assert/strict';
import { request } from 'undici';
import { decodePng } from '#lib/image/png.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { digit, digitPng, numberOf } from './digits.ts';
import { type ReadStream, readStream } from './read-stream.ts';
import { API_KEY, type SensoryProcess } from './sensory-process.ts';
import { startSensoryWithCourier } from './sensory-with-courier.ts';

const COUNT = 300;
const key = { authorization: `Bearer ${API_KEY}` };

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`feeds on ${name}`, () => {
    let bucket: TestBucket;
    let sensory: SensoryProcess;

    before(async () => {
      bucket = await openTestBucket(start);
      const put = (n: number) => bucket.store.put(`digits_8x8/data/${n % 3}/${n}.png`, digitPng(n));
      for (let at = 0; at < COUNT; at += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => put(at + i)));
      sensory = await startSensoryWithCourier(bucket);
    });

    after(async () => {
      await sensory?.stop();
      await bucket?.close();
    });

    async function stream(query: Record<string, string | number>): Promise<ReadStream> {
      const search = new URLSearchParams(
        Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])),
      );
      const { statusCode, body } = await request(`${sensory.url}/api/sensory/stream?${search}`, { headers: key });
      const bytes = Buffer.from(await body.arrayBuffer());
      assert.equal(statusCode, 200, bytes.toString());
      return readStream(bytes);
    }

    const numbers = (read: ReadStream) => read.batches.flatMap(({ pixels }) => pixels.map(numberOf));
    const bytesOf = (read: ReadStream) => Buffer.concat(read.batches.flatMap(({ pixels }) => pixels));

    it('streams an epoch: every sample once, with its label', async () => {
      const read = await stream({ seed: 1, batch_size: 64 });
      assert.deepEqual(read.header, {
        name: 'digits',
        width: 8,
        height: 8,
        channels: 1,
        dtype: 'uint8',
        categories: ['0', '1', '2'],
      });
      assert.deepEqual(
        read.batches.map(({ labels }) => labels.length),
        [64, 64, 64, 64, 44],
      );
      assert.deepEqual(
        numbers(read).toSorted((a, b) => a - b),
        Array.from({ length: COUNT }, (_, i) => i),
      );
      for (const { labels, pixels } of read.batches) {
        pixels.forEach((bytes, i) => {
          const n = numberOf(bytes);
          assert.equal(labels[i], n % 3);
          assert.ok(bytes.equals(digit(n)));
        });
      }
      assert.equal(read.end?.ended, true);
    });

    it('gives the same for the same seed, another order for another seed or epoch', async () => {
      const one = numbers(await stream({ seed: 1 }));
      assert.deepEqual(numbers(await stream({ seed: 1 })), one);
      assert.notDeepEqual(numbers(await stream({ seed: 2 })), one);
      assert.notDeepEqual(numbers(await stream({ seed: 1, epoch: 1 })), one);
    });

    it('goes on at the exact sample with the same noise, from any cursor', async () => {
      const query = { seed: 'x', noise: 0.7, epochs: 2, batch_size: 40 };
      const whole = await stream(query);
      const resumed: Buffer[] = [];
      let cursor = '';
      for (let part = 0, ended = false; !ended; part++) {
        const more = cursor === '' ? { ...query, batches: 1 } : { cursor, batches: 3, batch_size: 17, epochs: 9 };
        const read = await stream(more);
        for (const { epoch, pixels, cursor: next } of read.batches) {
          if (epoch < 2) resumed.push(...pixels);
          cursor = next;
          ended = epoch >= 2;
        }
        assert.ok(part < 100);
      }
      assert.ok(Buffer.concat(resumed).equals(bytesOf(whole)));
    });

    it('goes on in the same state of the dataset while samples come and go', async () => {
      const first = await stream({ seed: 5, batches: 1, batch_size: 100 });
      const whole = numbers(await stream({ seed: 5, snapshot: snapshotOf(first) }));
      await bucket.store.put('digits_8x8/data/1/9999.png', digitPng(9999));
      while (numbers(await stream({ seed: 5 })).length === COUNT);
      const rest = await stream({ cursor: first.batches[0]?.cursor ?? '' });
      assert.deepEqual([...numbers(first), ...numbers(rest)], whole);
      await bucket.store.delete(['digits_8x8/data/1/9999.png']);
      while (numbers(await stream({ seed: 5 })).length > COUNT);
    });

    it('splits an epoch among workers without overlap', async () => {
      const workers = await Promise.all([0, 1, 2].map((worker) => stream({ seed: 3, worker, workers: 3 })));
      assert.deepEqual(
        workers.map((read) => numbers(read).length),
        [100, 100, 100],
      );
      assert.equal(new Set(workers.flatMap(numbers)).size, COUNT);
    });

    it('ends the stream of a worker that has no sample of the epoch', async () => {
      const read = await stream({ seed: 3, worker: COUNT, workers: COUNT + 1, epochs: 2 });
      assert.deepEqual([numbers(read).length, read.end?.ended], [0, true]);
      const rest = await stream({ cursor: read.end?.cursor ?? '' });
      assert.deepEqual([numbers(rest).length, rest.end?.ended], [0, true]);
    });

    it('splits into train, val and test that share nothing', async () => {
      const parts = await Promise.all(['train', 'val', 'test'].map((split) => stream({ split })));
      const sizes = parts.map((read) => numbers(read).length);
      assert.equal(new Set(parts.flatMap(numbers)).size, COUNT);
      assert.equal(
        sizes.reduce((a, b) => a + b),
        COUNT,
      );
      assert.ok((sizes[0] ?? 0) > 200 && (sizes[1] ?? 0) > 10 && (sizes[2] ?? 0) > 10, String(sizes));
    });

    it('mixes a few shards at a time and still gives every sample once', async () => {
      const read = numbers(await stream({ mix: 1, seed: 4 }));
      assert.equal(new Set(read).size, COUNT);
    });

    it('balances classes by weight', async () => {
      const labels = (await stream({ balance: JSON.stringify({ 0: 8, 1: 2 }) })).batches.flatMap(
        (batch) => batch.labels,
      );
      const count = (label: number) => labels.filter((other) => other === label).length;
      assert.equal(labels.length, COUNT);
      assert.equal(count(2), 0);
      assert.ok(count(0) > 200 && count(1) > 30, `${count(0)} ${count(1)}`);
    });

    const bad: Record<string, string> = {
      'a cursor of somebody else': 'cursor=abc',
      'batch_size 0': 'batch_size=0',
      'an unknown split': 'split=other',
      'a worker beyond the workers': 'worker=2&workers=2',
      'an augmentation that is not known': 'augment=%7B%22blur%22%3A%7B%22probability%22%3A1%7D%7D',
      'a dataset that leaves its folder': 'dataset=..%2Fx_8x8',
      'noise of 2': 'noise=2',
    };
    for (const [title, query] of Object.entries(bad)) {
      it(`refuses ${title}`, async () => {
        const answer = await sensory.call('GET', `/api/sensory/stream?${query}`, undefined, key);
        assert.equal(answer.status, 400, JSON.stringify(answer.json));
        assert.match(answer.json.detail, /^Cannot /);
      });
    }

    it('refuses a caller without a key', async () => {
      assert.equal((await sensory.call('GET', '/api/sensory/stream', undefined, {})).status, 401);
    });

    // biome-ignore lint/suspicious/noExplicitAny: an answer's JSON
    async function order(body: object): Promise<any> {
      const placed = await sensory.call('POST', '/api/sensory/order', body, key);
      assert.equal(placed.status, 202, JSON.stringify(placed.json));
      for (;;) {
        const { json } = await sensory.call('GET', placed.json.links.self, undefined, key);
        if (json.state !== 'running') return json;
      }
    }

    async function file(href: string): Promise<Buffer> {
      const { statusCode, body } = await request(href.startsWith('http') ? href : sensory.url + href, {
        headers: href.startsWith('http') ? {} : key,
      });
      const bytes = Buffer.from(await body.arrayBuffer());
      assert.equal(statusCode, 200, bytes.toString());
      return bytes;
    }

    it('fills an order into files, one for each shard, the same through the function and by link', async () => {
      const done = await order({ format: 'stream', size: 250, file_samples: 100, seed: 1 });
      assert.deepEqual(
        done.shards.map(({ size, done }: { size: number; done: number }) => [size, done]),
        [
          [100, 100],
          [100, 100],
          [50, 50],
        ],
      );
      const files: Buffer[] = await Promise.all(done.shards.map(({ href }: { href: string }) => file(href)));
      assert.ok(files[1]?.equals(await file(done.shards[1].presigned)));
      const got = files.flatMap((bytes) => numbers(readStream(bytes)));
      assert.deepEqual(got, numbers(await stream({ seed: 1, batches: 1, batch_size: 250 })));
    });

    it('goes through several epochs', async () => {
      const done = await order({ format: 'stream', epochs: 2, file_samples: 1000, seed: 1 });
      const got = numbers(readStream(await file(done.shards[0].href)));
      assert.deepEqual(got, [...numbers(await stream({ seed: 1 })), ...numbers(await stream({ seed: 1, epoch: 1 }))]);
    });

    it('writes WebDataset tars whose pictures and classes belong together', async () => {
      const done = await order({ format: 'webdataset', size: 20 });
      const tar = await file(done.shards[0].href);
      let found = 0;
      for (let at = 0; tar[at] !== 0; ) {
        const entry = tar
          .subarray(at, at + 100)
          .toString()
          .replaceAll('\0', '');
        const size = Number.parseInt(tar.subarray(at + 124, at + 135).toString(), 8);
        const next = at + 512 + Math.ceil(size / 512) * 512;
        const { data } = decodePng(tar.subarray(at + 512, at + 512 + size), { maxPixels: 64 });
        assert.equal(tar.subarray(next, next + 13).toString(), `${entry.slice(0, 9)}.cls`);
        assert.equal(tar.subarray(next + 512, next + 513).toString(), String(numberOf(data) % 3));
        at = next + 1024;
        found++;
      }
      assert.equal(found, 20);
    });

    for (const format of ['npz', 'npy', 'arrow', 'mds']) {
      it(`writes ${format} files of the same bytes for the same seed`, async () => {
        const once = await order({ format, size: 30, seed: 7 });
        const again = await order({ format, size: 30, seed: 7 });
        const bytes = await file(once.shards[0].href);
        assert.ok(bytes.equals(await file(again.shards[0].href)));
        assert.ok(bytes.includes(Buffer.from((await stream({ seed: 7, batches: 1 })).batches[0]?.pixels[0] ?? [])));
      });
    }

    it('answers who waits for an order once more of it is there', async () => {
      const placed = await sensory.call('POST', '/api/sensory/order', { format: 'npy', file_samples: 50 }, key);
      const seen: number[] = [];
      for (let last = placed.json; last.state === 'running'; seen.push(last.done)) {
        const path = `${placed.json.links.self}?wait=30&done=${last.done}`;
        last = (await sensory.call('GET', path, undefined, key)).json;
      }
      assert.ok(
        seen.every((done, i) => done > (seen[i - 1] ?? 0)),
        String(seen),
      );
      assert.equal(seen.at(-1), COUNT);
    });

    it('cancels an order and removes its files', async () => {
      const done = await order({ format: 'npz', size: 10 });
      assert.equal((await sensory.call('DELETE', done.links.self, undefined, key)).status, 204);
      assert.equal((await sensory.call('GET', done.links.self, undefined, key)).json.state, 'cancelled');
      assert.equal((await sensory.call('GET', done.shards[0].href, undefined, key)).status, 404);
    });

    for (const [title, body, status] of [
      ['an unknown format', { format: 'xml' }, 400],
      ['an unknown member', { colour: 'red' }, 400],
      ['size and epochs', { size: 1, epochs: 1 }, 400],
      ['size 0', { size: 0 }, 400],
      ['a dataset that is not there', { dataset: 'nothing_8x8' }, 422],
      ['ratios that do not add up', { ratios: [1, 1, 1] }, 400],
      ['a weight of text', { balance: { 0: 'much' } }, 400],
    ] as const) {
      it(`refuses an order with ${title}`, async () => {
        const answer = await sensory.call('POST', '/api/sensory/order', body, key);
        assert.equal(answer.status, status, JSON.stringify(answer.json));
        assert.match(answer.json.detail, /^Cannot /);
      });
    }
  });
}

function snapshotOf(read: ReadStream): number {
  return JSON.parse(Buffer.from(read.batches[0]?.cursor ?? '', 'base64url').toString()).seq;
}
