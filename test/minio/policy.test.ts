import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore, openS3Client } from '#lib/blob/s3.ts';
import { openLog } from '#lib/log/log.ts';
import { openCatalogue } from '../../functions/sensory/catalogue/catalogue.ts';
import { placed } from '../../functions/sensory/catalogue/placed.ts';
import { reconcile } from '../../functions/sensory/catalogue/reconcile.ts';
import { sweepCatalogue } from '../../functions/sensory/catalogue/sweep.ts';
import { PACK_LIMITS, packNext } from '../../functions/sensory/pack/packer.ts';
import { openPixelSource } from '../../functions/sensory/pack/pixel-source.ts';
import { storeSample } from '../../functions/sensory/store-sample.ts';
import { freezeVersion } from '../../functions/sensory/version.ts';
import { applyLayout } from '../../minio/apply-layout.ts';
import { digitPng } from '../functions/sensory/digits.ts';
import { restrictedUser } from '../support/restricted-user.ts';
import { s3OptionsOf } from '../support/s3-bucket.ts';
import { sharedMinio, uniqueName } from '../support/servers.ts';

const SAMPLES = 'thebox-samples';
const MODELS = 'models';

async function openAs(policy: string, bucket: string): Promise<{ client: S3Client; store: BlobStore }> {
  const server = await sharedMinio();
  const text = await readFile(new URL(`../../minio/policy/${policy}`, import.meta.url), 'utf8');
  const user = await restrictedUser(server, text);
  const options = { ...s3OptionsOf(server, bucket), credentials: async () => user };
  return { client: openS3Client(options), store: openS3BlobStore(options) };
}

/** Asserts that the server refuses each of the calls. */
async function assertDenied(client: S3Client, calls: Readonly<Record<string, object>>): Promise<void> {
  for (const [what, command] of Object.entries(calls)) {
    await assert.rejects(client.send(command as ListBucketsCommand), { name: 'AccessDenied' }, what);
  }
}

describe('the policies of users, on MinIO', () => {
  const rooted = async () => openS3Client(s3OptionsOf(await sharedMinio(), ''));

  before(async () => {
    const root = await rooted();
    await applyLayout(root);
    await root.send(new PutObjectCommand({ Bucket: MODELS, Key: 'digits/1/model.onnx', Body: 'a model' }));
    root.destroy();
  });

  describe('sensory', () => {
    let client: S3Client;
    let store: BlobStore;

    before(async () => {
      ({ client, store } = await openAs('sensory.json', SAMPLES));
    });

    after(() => {
      client.destroy();
      store.close();
    });

    it('may do all that the function does', async () => {
      const log = openLog('test', 'fatal');
      const catalogue = openCatalogue(store, { name: uniqueName('set'), width: 8, height: 8 }, log);
      for (let n = 0; n < 4; n++) {
        const facts = { source: 'camera' };
        const sample = { category: 'a', bytes: digitPng(n), contentType: 'image/png', extension: 'png', facts };
        await storeSample(store, catalogue, sample);
      }
      await reconcile(store, catalogue);
      assert.equal(await packNext(store, catalogue, { ...PACK_LIMITS, patienceMs: 0 }), 4);
      const snapshot = await catalogue.snapshot();
      const out = Buffer.alloc(4 * 64);
      const source = openPixelSource(store, { cacheBytes: 1 << 20, maxPixels: 1 << 20 });
      const numbers = Uint32Array.from([0, 1, 2, 3]);
      assert.deepEqual(await source.read(catalogue, placed(snapshot, snapshot.pictures()), numbers, out), []);
      await freezeVersion(store, catalogue, 'v1');
      await sweepCatalogue(store, catalogue.places);
      const file = `${catalogue.places.orders}x/shard.00000.npz`;
      await store.put(file, Buffer.alloc(100_000));
      assert.equal((await (await store.open(file)).stream.toArray()).length > 0, true);
      assert.equal((await fetch(await store.presign(file, 60))).status, 200);
      assert.ok((await store.listFolders('')).includes(catalogue.places.folder));
      await store.delete([file]);
      assert.equal(await store.head(file), undefined);
      await catalogue.close();
    });

    it('may do nothing else', async () => {
      const key = { Bucket: MODELS, Key: 'digits/1/model.onnx' };
      await assertDenied(client, {
        'read a model': new GetObjectCommand(key),
        'write a model': new PutObjectCommand({ ...key, Body: 'another' }),
        'remove a model': new DeleteObjectCommand(key),
        'list the models': new ListObjectsV2Command({ Bucket: MODELS }),
        'make a bucket': new CreateBucketCommand({ Bucket: uniqueName('bucket') }),
        'remove its bucket': new DeleteBucketCommand({ Bucket: SAMPLES }),
        'open its bucket to all': new PutBucketPolicyCommand({
          Bucket: SAMPLES,
          Policy: JSON.stringify({
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${SAMPLES}/*` },
            ],
          }),
        }),
        'end the keeping of versions': new PutBucketVersioningCommand({
          Bucket: SAMPLES,
          VersioningConfiguration: { Status: 'Suspended' },
        }),
        'read the lifecycle': new GetBucketLifecycleConfigurationCommand({ Bucket: SAMPLES }),
        'end the lifecycle': new DeleteBucketLifecycleCommand({ Bucket: SAMPLES }),
      });
    });

    it('cannot remove a version for good: what it removes can be brought back', async () => {
      await store.put('kept/data/a/x', Buffer.from('x'));
      await store.delete(['kept/data/a/x']);
      const root = await rooted();
      const { Versions } = await root.send(new ListObjectVersionsCommand({ Bucket: SAMPLES, Prefix: 'kept/' }));
      const VersionId = Versions?.[0]?.VersionId;
      const version = { Bucket: SAMPLES, Key: 'kept/data/a/x', VersionId };
      await assertDenied(client, { 'remove a version': new DeleteObjectCommand(version) });
      assert.equal((await root.send(new GetObjectCommand(version))).ContentLength, 1);
      root.destroy();
    });

    it('sees no bucket but its own', async () => {
      const { Buckets = [] } = await client.send(new ListBucketsCommand({})).catch(() => ({ Buckets: [] }));
      assert.deepEqual(
        Buckets.map(({ Name }) => Name).filter((name) => name !== SAMPLES),
        [],
      );
    });
  });

  describe('inference', () => {
    it('reads models, and changes none', async () => {
      const { client, store } = await openAs('inference.json', MODELS);
      assert.equal((await store.get('digits/1/model.onnx')).bytes.toString(), 'a model');
      const key = { Bucket: MODELS, Key: 'digits/1/model.onnx' };
      await assertDenied(client, {
        'write a model': new PutObjectCommand({ ...key, Body: 'another' }),
        'remove a model': new DeleteObjectCommand(key),
        'list samples': new ListObjectsV2Command({ Bucket: SAMPLES }),
      });
      client.destroy();
      store.close();
    });
  });
});
