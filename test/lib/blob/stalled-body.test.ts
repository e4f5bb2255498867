import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore } from '#lib/blob/s3.ts';

describe('openS3BlobStore, of a server that stops in the middle of its answer', () => {
  let server: Server;
  let store: BlobStore;

  before(async () => {
    server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': '1000', 'content-type': 'application/xml' });
      response.write('<?xml version="1.0" encoding="UTF-8"?><List');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    store = openS3BlobStore({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      bucket: 'bucket',
      credentials: async () => ({ accessKeyId: 'key', secretAccessKey: 'secret' }),
      timeoutMs: 300,
    });
  });

  after(() => {
    store.close();
    server.closeAllConnections();
    server.close();
  });

  it('gives up reading an object', async () => {
    await assert.rejects(store.get('key'), { code: 'unavailable' });
  });

  it('gives up a listing', async () => {
    const first = async () => {
      for await (const { key } of store.list('')) return key;
      return undefined;
    };
    await assert.rejects(first(), { code: 'unavailable' });
  });

  it('ends a stream with an error', async () => {
    const { stream } = await store.open('key');
    await assert.rejects(stream.toArray());
  });
});
