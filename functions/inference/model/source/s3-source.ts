import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { ModelSource, OpenedFile } from './source.ts';

/** Models from any S3 server: `s3://bucket/key`. `client` opens the client when the first such model is wanted. */
export function openS3Source(client: () => Promise<S3Client>): ModelSource {
  return {
    async open(location, known, signal): Promise<OpenedFile | 'unchanged'> {
      const { bucket, key } = parseS3Location(location);
      try {
        const answer = await (await client()).send(
          new GetObjectCommand({ Bucket: bucket, Key: key, ...(known?.etag && { IfNoneMatch: known.etag }) }),
          { abortSignal: signal },
        );
        if (!(answer.Body instanceof Readable)) throw new Error('the answer has no body');
        return {
          body: answer.Body,
          bytes: answer.ContentLength,
          validators: answer.ETag === undefined ? {} : { etag: answer.ETag },
        };
      } catch (error) {
        if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 304) return 'unchanged';
        if (signal.aborted) throw signal.reason;
        throw s3Error(location, error);
      }
    },
  };
}

/** @throws BoxError `unprocessable` when it is not `s3://bucket/key` */
function parseS3Location(location: string): { bucket: string; key: string } {
  const found = /^s3:\/\/([^/]+)\/(.+)$/.exec(location);
  const [, bucket, key] = found ?? [];
  if (bucket === undefined || key === undefined) {
    throw new BoxError('unprocessable', `Cannot fetch model: an S3 location is s3://bucket/key, got ${location}`);
  }
  return { bucket, key };
}

function s3Error(location: string, error: unknown): BoxError {
  if (error instanceof BoxError) return error;
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
  const name = error instanceof Error ? error.name : '';
  const text = `Cannot fetch model ${location}: ${name}: ${errorText(error)}`;
  if (status === 404) return new BoxError('not_found', text, { cause: error });
  if (status === 401 || status === 403) return new BoxError('permission_denied', text, { cause: error });
  return new BoxError('unavailable', text, { cause: error });
}
