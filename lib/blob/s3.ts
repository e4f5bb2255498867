import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { BoxError } from '../error/box-error.ts';
import type {
  Blob,
  BlobEntry,
  BlobFacts,
  BlobStore,
  BlobStream,
  GetOptions,
  ListOptions,
  PutOptions,
} from './blob-store.ts';
import { s3Error } from './s3-error.ts';

export interface S3Options {
  /** `http://minio:9000`, without credentials. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Asked again every minute, so that a changed secret is taken up without a restart. */
  readonly credentials: () => Promise<S3Credentials>;
  /** How long the server may take to answer, and how long nothing may come in the middle of an answer (default 30 s). */
  readonly timeoutMs?: number;
  /** Where a presigned URL leads, when callers reach the server by another address. */
  readonly publicEndpoint?: string;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that a token service gave for a while. */
  readonly sessionToken?: string;
}

const CREDENTIALS_FRESH_MS = 60_000;
const CONNECT_TIMEOUT_MS = 3000;
const TIMEOUT_MS = 30_000;
/** Above 16 requests at once only latency grows, measured; a few more leave room for what is urgent. */
const MAX_SOCKETS = 24;
const DELETE_AT_ONCE = 1000;
/** From here on a body goes with a CRC in place of a signed SHA-256, which costs both sides more than all the rest. */
const LARGE_BYTES = 64 * 1024;

/** The S3 client for a server that is addressed by path, as MinIO and Versity's gateway are. */
export function openS3Client(options: Omit<S3Options, 'bucket' | 'publicEndpoint'>): S3Client {
  const { timeoutMs = TIMEOUT_MS } = options;
  const client = new S3Client({
    endpoint: options.endpoint,
    region: options.region,
    forcePathStyle: true,
    credentials: async () => ({
      ...(await options.credentials()),
      expiration: new Date(Date.now() + CREDENTIALS_FRESH_MS),
    }),
    maxAttempts: 3,
    // The signature covers the body already; the client's own checksums cost 15 to 30 % of a small request.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: MAX_SOCKETS, keepAlive: true },
      httpsAgent: { maxSockets: MAX_SOCKETS, keepAlive: true },
    },
  });
  leaveLargeBodiesUnsigned(client);
  return client;
}

/** A body that comes with its CRC is checked by the server: the signature covers the headers, among them the CRC. */
function leaveLargeBodiesUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { readonly headers: Record<string, string> };
      if ('x-amz-checksum-crc32' in headers) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'leaveLargeBodiesUnsigned' },
  );
}

/** Opens a bucket. Nothing is connected, nor the client made, which is megabytes of code, before the first call. */
export function openS3BlobStore(options: S3Options): BlobStore {
  let opened: S3Client | undefined;
  let openedSigner: S3Client | undefined;
  const client = (): S3Client => {
    opened ??= openS3Client(options);
    return opened;
  };
  const { publicEndpoint } = options;
  const signer = (): S3Client => {
    if (publicEndpoint === undefined) return client();
    openedSigner ??= openS3Client({ ...options, endpoint: publicEndpoint });
    return openedSigner;
  };
  const Bucket = options.bucket;
  return {
    put: (key, bytes, put) => putObject(client(), Bucket, key, bytes, put),
    get: (key, get) => getObject(client(), Bucket, key, get),
    open: (key) => openObject(client(), Bucket, key),
    head: (key) => headObject(client(), Bucket, key),
    list: (prefix, list) => listObjects(client(), Bucket, prefix, list),
    listFolders: (prefix) => listFolders(client(), Bucket, prefix),
    delete: (keys) => deleteObjects(client(), Bucket, keys),
    async presign(key, seconds) {
      try {
        return await getSignedUrl(signer(), new GetObjectCommand({ Bucket, Key: key }), { expiresIn: seconds });
      } catch (error) {
        throw s3Error(error, `sign a link to ${key}`);
      }
    },
    close() {
      opened?.destroy();
      openedSigner?.destroy();
    },
  };
}

async function putObject(
  client: S3Client,
  Bucket: string,
  key: string,
  bytes: Uint8Array,
  options: PutOptions = {},
): Promise<{ etag: string }> {
  const { contentType, metadata, ifAbsent } = options;
  try {
    const answer = await client.send(
      new PutObjectCommand({
        Bucket,
        Key: key,
        Body: bytes,
        ContentLength: bytes.length,
        ...(bytes.length >= LARGE_BYTES && { ChecksumCRC32: checksum(bytes) }),
        ...(contentType !== undefined && { ContentType: contentType }),
        ...(metadata !== undefined && { Metadata: encoded(metadata) }),
        ...(ifAbsent && { IfNoneMatch: '*' }),
      }),
    );
    return { etag: unquoted(answer.ETag) };
  } catch (error) {
    throw s3Error(error, `write ${key}`);
  }
}

function checksum(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString('base64');
}

async function openObject(client: S3Client, Bucket: string, key: string): Promise<BlobStream> {
  try {
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: key }));
    // In Node the body is a stream of Node's; the client's type names that of browsers too.
    const stream = answer.Body as Readable | undefined;
    if (stream === undefined) throw new Error('the answer has no body');
    return { ...factsOf(key, answer, answer.ContentLength ?? 0), stream };
  } catch (error) {
    throw s3Error(error, `read ${key}`);
  }
}

async function getObject(client: S3Client, Bucket: string, key: string, options: GetOptions = {}): Promise<Blob> {
  const { range, signal } = options;
  const input = {
    Bucket,
    Key: key,
    ...(range && { Range: `bytes=${range.start}-${range.start + range.length - 1}` }),
  };
  try {
    const answer = await client.send(new GetObjectCommand(input), signal && { abortSignal: signal });
    const bytes = await bytesOf(answer, key);
    return { ...factsOf(key, answer, wholeSize(answer, bytes.length)), bytes };
  } catch (error) {
    throw s3Error(error, `read ${key}`);
  }
}

async function bytesOf(answer: GetObjectCommandOutput, key: string): Promise<Buffer> {
  if (answer.Body === undefined) throw new Error('the answer has no body');
  const bytes = await answer.Body.transformToByteArray();
  if (answer.ContentLength !== undefined && bytes.length !== answer.ContentLength) {
    throw new BoxError('unavailable', `Cannot read ${key}: the answer was cut off`, { retryAfterSeconds: 1 });
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** `Content-Range: bytes 0-9/1234` tells the size of the whole. */
function wholeSize(answer: GetObjectCommandOutput, length: number): number {
  const whole = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1];
  return whole === undefined ? length : Number(whole);
}

async function headObject(client: S3Client, Bucket: string, key: string): Promise<BlobFacts | undefined> {
  try {
    const answer = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
    return factsOf(key, answer, answer.ContentLength ?? 0);
  } catch (error) {
    const known = s3Error(error, `look at ${key}`);
    if (known.code === 'not_found') return undefined;
    throw known;
  }
}

interface Answer {
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly ContentType?: string | undefined;
  readonly Metadata?: Record<string, string> | undefined;
}

function factsOf(key: string, answer: Answer, size: number): BlobFacts {
  return {
    key,
    size,
    etag: unquoted(answer.ETag),
    modifiedMs: answer.LastModified?.getTime() ?? 0,
    contentType: answer.ContentType ?? 'application/octet-stream',
    metadata: decoded(answer.Metadata ?? {}),
  };
}

async function* listObjects(
  client: S3Client,
  Bucket: string,
  prefix: string,
  options: ListOptions = {},
): AsyncGenerator<BlobEntry> {
  const { after, pageSize, signal } = options;
  let token: string | undefined;
  do {
    const page = await listPage(
      client,
      {
        Bucket,
        Prefix: prefix,
        StartAfter: token === undefined ? after : undefined,
        ContinuationToken: token,
        MaxKeys: pageSize,
      },
      signal,
    );
    for (const { Key, Size, ETag, LastModified } of page.Contents ?? []) {
      // A gateway over a file system lists folders that somebody made by hand as keys that end in a slash.
      if (Key === undefined || Key.endsWith('/')) continue;
      yield { key: Key, size: Size ?? 0, etag: unquoted(ETag), modifiedMs: LastModified?.getTime() ?? 0 };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

async function listFolders(client: S3Client, Bucket: string, prefix: string): Promise<string[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await listPage(client, { Bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token });
    for (const folder of page.CommonPrefixes ?? []) names.push((folder.Prefix ?? '').slice(prefix.length, -1));
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
  return names;
}

async function listPage(
  client: S3Client,
  input: ConstructorParameters<typeof ListObjectsV2Command>[0],
  signal?: AbortSignal,
) {
  try {
    return await client.send(new ListObjectsV2Command(input), signal && { abortSignal: signal });
  } catch (error) {
    throw s3Error(error, `list ${input.Prefix}`);
  }
}

async function deleteObjects(client: S3Client, Bucket: string, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += DELETE_AT_ONCE) {
    const Objects = keys.slice(at, at + DELETE_AT_ONCE).map((Key) => ({ Key }));
    try {
      const answer = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
      const failed = answer.Errors?.find(({ Code }) => Code !== 'NoSuchKey');
      if (failed) throw new Error(`${failed.Key}: ${failed.Code}`);
    } catch (error) {
      throw s3Error(error, `remove ${keys.length} objects`);
    }
  }
}

function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

/** S3 carries metadata in HTTP headers, which are ASCII: other characters go percent-encoded. */
function encoded(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, encodeURIComponent(value)]));
}

function decoded(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, decode(value)]));
}

/** What another tool wrote need not be percent-encoded. */
function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}
