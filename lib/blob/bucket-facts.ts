import { GetBucketVersioningCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3Error } from './s3-error.ts';

/** What a bucket is like, as far as its user may see. */
export interface BucketFacts {
  readonly name: string;
  readonly exists: boolean;
  /** Undefined where the server does not say, or not to this user. */
  readonly keepsVersions: boolean | undefined;
}

/**
 * Looks whether a bucket is there and keeps versions.
 *
 * @throws BoxError `unavailable` when the server is away or refuses the key.
 */
export async function readBucketFacts(client: S3Client, name: string): Promise<BucketFacts> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: name }));
  } catch (error) {
    const known = s3Error(error, `look at bucket ${name}`);
    if (known.code === 'not_found') return { name, exists: false, keepsVersions: undefined };
    throw known;
  }
  try {
    const { Status } = await client.send(new GetBucketVersioningCommand({ Bucket: name }));
    return { name, exists: true, keepsVersions: Status === 'Enabled' };
  } catch (error) {
    // The functions' user may not ask, and some servers keep none: that is no reason to call the bucket ill.
    s3Error(error, `ask for versions of bucket ${name}`);
    return { name, exists: true, keepsVersions: undefined };
  }
}
