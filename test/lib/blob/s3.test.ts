import assert from 'node:assert/strict';
import { request } from 'undici';
import type { BlobEntry, BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';

async function all(entries: AsyncIterable<BlobEntry>): Promise<BlobEntry[]> {
  const found: BlobEntry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`S3 blob store on ${name}`, () => {
    let bucket: TestBucket;
    let store: BlobStore;

    before(async () => {
      bucket = await openTestBucket(start);
      store = bucket.store;
    });

    after(() => bucket.close());

    it('gives back the bytes, the content type and metadata of any characters', async () => {
      const bytes = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => i % 251));
      const metadata = { source: 'Gerät 7 / Süd', note: 'a%20b', empty: '' };
      const { etag } = await store.put('a/b c/ü.bin', bytes, { contentType: 'image/png', metadata });
      const blob = await store.get('a/b c/ü.bin');
      assert.ok(blob.bytes.equals(bytes));
      assert.equal(blob.contentType, 'image/png');
      assert.deepEqual({ ...blob.metadata, empty: '' }, metadata);
      assert.equal(blob.etag, etag);
      assert.equal(blob.size, bytes.length);
      assert.ok(Math.abs(blob.modifiedMs - Date.now()) < 60_000);
    });

    it('gives the bytes as a stream, of an object of any size', async () => {
      for (const length of [0, 10, 3_000_000]) {
        const bytes = Buffer.alloc(length, 'stream');
        await store.put('streamed', bytes, { contentType: 'text/plain' });
        const { stream, size, contentType } = await store.open('streamed');
        assert.ok(Buffer.concat(await stream.toArray()).equals(bytes));
        assert.deepEqual([size, contentType], [length, 'text/plain']);
      }
      await assert.rejects(store.open('nothing/here'), { code: 'not_found' });
    });

    it('has the server refuse a large body that was changed on its way', async () => {
      const bytes = Buffer.alloc(1_000_000, 'whole');
      const writing = store.put('changed', bytes);
      bytes[500_000] = 0;
      await assert.rejects(writing);
      assert.equal(await store.head('changed'), undefined);
    });

    it('gives a range and the size of the whole', async () => {
      await store.put('range', Buffer.from('0123456789'));
      const blob = await store.get('range', { range: { start: 3, length: 4 } });
      assert.equal(blob.bytes.toString(), '3456');
      assert.equal(blob.size, 10);
    });

    it('keeps an empty object', async () => {
      await store.put('empty', Buffer.alloc(0));
      assert.equal((await store.get('empty')).bytes.length, 0);
    });

    it('refuses a key that is not there', async () => {
      await assert.rejects(store.get('nothing/here'), { code: 'not_found' });
      assert.equal(await store.head('nothing/here'), undefined);
    });

    it('lets one of many writers have a key that must be free', async () => {
      const writers = Array.from({ length: 8 }, (_, i) => store.put('once', Buffer.from(`${i}`), { ifAbsent: true }));
      const settled = await Promise.allSettled(writers);
      assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const result of settled) {
        if (result.status === 'rejected') assert.equal(result.reason.code, 'conflict');
      }
      const winner = settled.findIndex(({ status }) => status === 'fulfilled');
      assert.equal((await store.get('once')).bytes.toString(), `${winner}`);
    });

    it('lists more than a page in order, from any key on', async () => {
      const keys = Array.from({ length: 1_050 }, (_, i) => `list/${String(i).padStart(5, '0')}`);
      for (let at = 0; at < keys.length; at += 50) {
        await Promise.all(keys.slice(at, at + 50).map((key) => store.put(key, Buffer.from(key))));
      }
      const listed = await all(store.list('list/'));
      assert.deepEqual(
        listed.map(({ key }) => key),
        keys,
      );
      assert.equal(listed[7]?.size, 10);
      assert.equal(listed[7]?.etag, (await store.head('list/00007'))?.etag);
      const rest = await all(store.list('list/', { after: 'list/01047' }));
      assert.deepEqual(
        rest.map(({ key }) => key),
        ['list/01048', 'list/01049'],
      );
    });

    it('lists the folders below a prefix', async () => {
      await Promise.all(['f/one/x', 'f/two/x', 'f/two/y/z', 'f/file'].map((key) => store.put(key, Buffer.from('x'))));
      assert.deepEqual(await store.listFolders('f/'), ['one', 'two']);
    });

    it('removes keys, those that are gone already too', async () => {
      await store.put('gone/1', Buffer.from('x'));
      await store.delete(['gone/1', 'gone/2']);
      assert.equal(await store.head('gone/1'), undefined);
    });

    it('signs a link that reads without a key', async () => {
      await store.put('linked', Buffer.from('for all'));
      const { statusCode, body } = await request(await store.presign('linked', 60));
      assert.equal(statusCode, 200);
      assert.equal(await body.text(), 'for all');
    });

    it('says that the bucket must exist', async () => {
      const other = openS3BlobStore({ ...bucket.options, bucket: 'no-such-bucket' });
      await assert.rejects(other.put('x', Buffer.from('x')), { code: 'unavailable', message: /bucket must exist/ });
      other.close();
    });

    it('says that a wrong secret is refused', async () => {
      const credentials = async () => ({ accessKeyId: 'box', secretAccessKey: 'wrong-wrong-wrong' });
      const other = openS3BlobStore({ ...bucket.options, credentials });
      await assert.rejects(other.get('linked'), { code: 'unavailable', message: /403/ });
      other.close();
    });
  });
}

describe('S3 blob store without a server', () => {
  it('is unavailable', async () => {
    const store = openS3BlobStore({
      endpoint: 'http://127.0.0.1:9',
      region: 'us-east-1',
      bucket: 'x',
      credentials: async () => ({ accessKeyId: 'x', secretAccessKey: 'x' }),
    });
    await assert.rejects(store.get('x'), { code: 'unavailable' });
    store.close();
  });
});
