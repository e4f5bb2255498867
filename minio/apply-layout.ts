import {
  CreateBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { s3Error } from '#lib/blob/s3-error.ts';
import { BUCKETS, type BucketLayout } from './layout.ts';

/** What became of one thing that a bucket should have. */
export interface Applied {
  readonly bucket: string;
  readonly what: 'bucket' | 'versioning' | 'lifecycle';
  /** `not-supported`: the server has no such thing; objects are kept all the same. */
  readonly outcome: 'made' | 'was-there' | 'not-supported';
}

/**
 * Brings the server's buckets in line with the layout, by S3's own calls alone. Done again it changes nothing; what
 * others added is left as it is.
 *
 * @throws BoxError `unavailable` when the server is away or refuses us.
 */
export async function applyLayout(client: S3Client, buckets: readonly BucketLayout[] = BUCKETS): Promise<Applied[]> {
  const applied: Applied[] = [];
  for (const bucket of buckets) {
    const steps = { bucket: makeBucket, versioning: keepVersions, lifecycle: setLifecycle } as const;
    for (const [what, step] of Object.entries(steps)) {
      const outcome = await orNotSupported(step(client, bucket), `set up ${what} of ${bucket.name}`);
      applied.push({ bucket: bucket.name, what: what as Applied['what'], outcome });
    }
  }
  return applied;
}

async function orNotSupported(step: Promise<Applied['outcome']>, doing: string): Promise<Applied['outcome']> {
  try {
    return await step;
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (/NotImplemented|VersioningNotConfigured|MethodNotAllowed/.test(name)) return 'not-supported';
    throw s3Error(error, doing);
  }
}

async function makeBucket(client: S3Client, { name: Bucket }: BucketLayout): Promise<Applied['outcome']> {
  if (await has(client.send(new HeadBucketCommand({ Bucket })), 'NotFound')) return 'was-there';
  await client.send(new CreateBucketCommand({ Bucket }));
  return 'made';
}

async function keepVersions(client: S3Client, bucket: BucketLayout): Promise<Applied['outcome']> {
  const { name: Bucket, keepVersionsDays } = bucket;
  const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket }));
  if (keepVersionsDays === undefined || Status === 'Enabled') return 'was-there';
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  return 'made';
}

const RULE = 'thebox';

async function setLifecycle(client: S3Client, bucket: BucketLayout): Promise<Applied['outcome']> {
  const { name: Bucket, keepVersionsDays, abortUploadsDays } = bucket;
  const rule = {
    ID: RULE,
    Status: 'Enabled' as const,
    Filter: { Prefix: '' },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortUploadsDays },
    ...(keepVersionsDays !== undefined && {
      NoncurrentVersionExpiration: { NoncurrentDays: keepVersionsDays },
      Expiration: { ExpiredObjectDeleteMarker: true },
    }),
  };
  const rules = (await rulesOf(client, Bucket)) ?? [];
  const known = rules.find(({ ID }) => ID === RULE);
  if (known?.NoncurrentVersionExpiration?.NoncurrentDays === keepVersionsDays && known !== undefined)
    return 'was-there';
  const Rules = [...rules.filter(({ ID }) => ID !== RULE), rule];
  await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
  return 'made';
}

async function rulesOf(client: S3Client, Bucket: string) {
  try {
    return (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules;
  } catch (error) {
    if (error instanceof Error && error.name === 'NoSuchLifecycleConfiguration') return undefined;
    throw error;
  }
}

async function has(call: Promise<unknown>, missing: string): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === missing) return false;
    throw error;
  }
}
