import { CreateBucketCommand } from '@aws-sdk/client-s3';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore, openS3Client, type S3Options } from '#lib/blob/s3.ts';
import type { S3Server } from '../../local/server/minio.ts';
import { sharedMinio, sharedVersitygw, uniqueName } from './servers.ts';

/** The S3 servers that everything on objects is tested with. */
export const S3_SERVERS = { MinIO: sharedMinio, "Versity's gateway": sharedVersitygw } as const;

/** A bucket of the test's own. */
export interface TestBucket {
  readonly server: S3Server;
  readonly options: S3Options;
  readonly store: BlobStore;
  close(): Promise<void>;
}

/** Makes an empty bucket on a shared server. */
export async function openTestBucket(start: () => Promise<S3Server>): Promise<TestBucket> {
  const server = await start();
  const options = await makeBucket(server, uniqueName('bucket'));
  const store = openS3BlobStore(options);
  return { server, options, store, close: async () => store.close() };
}

/** Makes a bucket and tells how it is opened. */
export async function makeBucket(server: S3Server, bucket: string): Promise<S3Options> {
  const options = s3OptionsOf(server, bucket);
  const client = openS3Client(options);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return options;
}

/** How a bucket of a server that was started here is opened. */
export function s3OptionsOf(server: S3Server, bucket: string): S3Options {
  const { endpoint, region, accessKey: accessKeyId, secretKey: secretAccessKey } = server;
  return { endpoint, region, bucket, credentials: async () => ({ accessKeyId, secretAccessKey }) };
}
