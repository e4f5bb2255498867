import { type FileHandle, open } from 'node:fs/promises';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { BoxError } from '../error/box-error.ts';
import { s3Error } from './s3-error.ts';

export interface UploadOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes of each piece that the server has. */
  readonly onProgress?: (bytes: number) => void;
}

interface Target {
  readonly Bucket: string;
  readonly Key: string;
}

/** What is in memory at once is PARTS_IN_FLIGHT of these; S3 takes 10,000 parts, so files up to 80 GB fit. */
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_IN_FLIGHT = 3;

/**
 * Copies a file into a bucket. A large one goes in parts, so that no request takes long and memory stays small; the object
 * appears whole, once all of it is there, and a failed upload leaves nothing behind.
 *
 * @throws BoxError `unavailable`, `storage_full`, or `conflict` when the file changes meanwhile.
 */
export async function uploadFile(
  client: S3Client,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  path: string,
  options: UploadOptions = {},
): Promise<void> {
  const target = { Bucket: bucket, Key: key };
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > PART_BYTES) await uploadParts(client, target, file, size, options);
    else await uploadAtOnce(client, target, await readPart(file, path, 0, size), options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw s3Error(error, `write ${key}`);
  } finally {
    await file.close();
  }
}

async function uploadAtOnce(client: S3Client, target: Target, Body: Buffer, options: UploadOptions): Promise<void> {
  await client.send(new PutObjectCommand({ ...target, Body, ContentLength: Body.length }), sending(options));
  options.onProgress?.(Body.length);
}

async function uploadParts(
  client: S3Client,
  target: Target,
  file: FileHandle,
  size: number,
  options: UploadOptions,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target), sending(options));
  try {
    const Parts = await sendParts(client, { ...target, UploadId }, file, size, options);
    const whole = new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } });
    await client.send(whole, sending(options));
  } catch (error) {
    // Not with the caller's signal: what was sent is removed on Ctrl-C too.
    await client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch((also: unknown) => {
      throw new AggregateError([error, also], 'the upload failed, and so did its removal');
    });
    throw error;
  }
}

async function sendParts(
  client: S3Client,
  target: Target & { readonly UploadId: string | undefined },
  file: FileHandle,
  size: number,
  options: UploadOptions,
): Promise<CompletedPart[]> {
  const parts: CompletedPart[] = [];
  let next = 0;
  let hasFailed = false;
  const sendSome = async (): Promise<void> => {
    while (next * PART_BYTES < size && !hasFailed) {
      const at = next++;
      const Body = await readPart(file, target.Key, at * PART_BYTES, Math.min(PART_BYTES, size - at * PART_BYTES));
      const part = { ...target, PartNumber: at + 1, Body, ContentLength: Body.length };
      const { ETag } = await client.send(new UploadPartCommand(part), sending(options));
      parts[at] = { PartNumber: at + 1, ETag };
      options.onProgress?.(Body.length);
    }
  };
  // All of them have ended before a failed upload is removed: a part that came later would stay.
  const ends = await Promise.allSettled(
    Array.from({ length: PARTS_IN_FLIGHT }, () =>
      sendSome().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      }),
    ),
  );
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  return parts;
}

async function readPart(file: FileHandle, name: string, start: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) throw new BoxError('conflict', `Cannot write ${name}: the file must not change meanwhile`);
    filled += bytesRead;
  }
  return bytes;
}

function sending({ signal }: UploadOptions) {
  return signal === undefined ? {} : { abortSignal: signal };
}
