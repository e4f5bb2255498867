import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore, type S3Options } from '#lib/blob/s3.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { DescriptorFiles } from './descriptor-files.ts';

const MAX_BYTES = 64 * 1024 * 1024;

/** Opens files on an S3 server: `s3://bucket/key`. `options` is undefined where no server is configured. */
export function openS3Files(options: Omit<S3Options, 'bucket'> | undefined): DescriptorFiles {
  const buckets = new Map<string, BlobStore>();
  const bucketOf = (bucket: string): BlobStore => {
    const known = buckets.get(bucket);
    if (known !== undefined) return known;
    if (options === undefined) {
      throw new BoxError(
        'unprocessable',
        'Cannot read file of data descriptor: S3_ENDPOINT is not set, so there are none',
      );
    }
    const opened = openS3BlobStore({ ...options, bucket });
    buckets.set(bucket, opened);
    return opened;
  };
  return {
    async read(location) {
      const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? [];
      const store = bucketOf(bucket);
      const facts = await store.head(key);
      if (facts === undefined) throw new BoxError('unprocessable', `Cannot read ${location}: there is no such file`);
      if (facts.size > MAX_BYTES) {
        throw new BoxError(
          'too_large',
          `Cannot read ${location}: at most ${MAX_BYTES} bytes are taken, got ${facts.size}`,
        );
      }
      return (await store.get(key)).bytes;
    },
    close() {
      for (const store of buckets.values()) store.close();
    },
  };
}
