import { S3ServiceException } from '@aws-sdk/client-s3';
import { BoxError, errorText } from '../error/box-error.ts';

/** What S3 servers say when there is no room: MinIO's drive and quota, Versity's quota, a full disk behind either. */
const FULL = new Set([
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
  'QuotaExceeded',
  'StorageFull',
  'InsufficientStorage',
  'NoSpaceLeft',
]);

/** An error of the S3 client as ours. `doing` is "read KEY" or the like. */
export function s3Error(thrown: unknown, doing: string): BoxError {
  if (thrown instanceof BoxError) return thrown;
  const status = thrown instanceof S3ServiceException ? thrown.$metadata.httpStatusCode : undefined;
  const name = thrown instanceof Error ? thrown.name : '';
  const cause = { cause: thrown };
  if (FULL.has(name) || status === 507) {
    return new BoxError('storage_full', `Cannot ${doing}: the object store is full`, cause);
  }
  if (name === 'NoSuchKey' || (name === 'NotFound' && status === 404)) {
    return new BoxError('not_found', `Cannot ${doing}: there is no such object`, cause);
  }
  if (status === 412 || name === 'ConditionalRequestConflict') {
    return new BoxError('conflict', `Cannot ${doing}: another was first`, cause);
  }
  if (name === 'NoSuchBucket') {
    return new BoxError(
      'unavailable',
      `Cannot ${doing}: the bucket must exist, the program buckets in the connector's image makes it`,
      cause,
    );
  }
  if (name === 'EntityTooLarge') return new BoxError('too_large', `Cannot ${doing}: it is too large`, cause);
  const said = status === undefined ? errorText(thrown) : `it answered ${status} ${name}`;
  return new BoxError('unavailable', `Cannot ${doing}: the object store must answer, but ${said}`, {
    ...cause,
    retryAfterSeconds: 1,
  });
}
