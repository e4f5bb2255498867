import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { S3Client } from '@aws-sdk/client-s3';
import { openS3BlobStore, openS3Client } from '#lib/blob/s3.ts';
import { applyLayout } from '../../minio/apply-layout.ts';
import { BUCKETS, USERS } from '../../minio/layout.ts';
import { S3_SERVERS, s3OptionsOf } from '../support/s3-bucket.ts';
import { uniqueName } from '../support/servers.ts';

for (const [name, start] of Object.entries(S3_SERVERS)) {
  describe(`applyLayout on ${name}`, () => {
    let client: S3Client;
    const buckets = BUCKETS.map((bucket) => ({ ...bucket, name: uniqueName('layout') }));

    before(async () => {
      client = openS3Client(s3OptionsOf(await start(), ''));
    });

    after(() => client.destroy());

    it('makes the buckets, with versions and lifecycle where the server has them', async () => {
      const applied = await applyLayout(client, buckets);
      assert.equal(applied.length, 3 * buckets.length);
      for (const { what, outcome } of applied) {
        if (what === 'bucket' || name === 'MinIO') assert.equal(outcome, 'made', what);
      }
      const store = openS3BlobStore(s3OptionsOf(await start(), buckets[0]?.name ?? ''));
      await store.put('digits_8x8/data/1/x.png', Buffer.from('x'));
      assert.equal((await store.get('digits_8x8/data/1/x.png')).bytes.toString(), 'x');
      store.close();
    });

    it('changes nothing the second time', async () => {
      const applied = await applyLayout(client, buckets);
      assert.deepEqual(
        applied.filter(({ outcome }) => outcome === 'made'),
        [],
      );
    });
  });
}

describe('policies', () => {
  for (const { name, policy } of USERS) {
    it(`gives ${name} one bucket and no administration`, async () => {
      const text = await readFile(new URL(`../../minio/policy/${policy}`, import.meta.url), 'utf8');
      const statements: { Action: string[]; Resource: string[] }[] = JSON.parse(text).Statement;
      const named = new Set(statements.flatMap(({ Resource }) => Resource.map((arn) => arn.split(/[:/]/)[5])));
      assert.equal(named.size, 1);
      assert.ok(BUCKETS.some((bucket) => named.has(bucket.name)));
      const actions = statements.flatMap(({ Action }) => Action);
      assert.ok(actions.every((action) => /^s3:(ListBucket|(Get|Put|Delete)Object)$/.test(action)));
    });
  }
});
