import { pipeline } from 'node:stream/promises';
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzipSync,
  inflateSync,
} from 'node:zlib';
import { BoxError, errorText } from '#lib/error/box-error.ts';

const DECODERS = { gzip: gunzipSync, 'x-gzip': gunzipSync, br: brotliDecompressSync, deflate: inflateSync } as const;
const STREAM_DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  br: createBrotliDecompress,
  deflate: createInflate,
} as const;
/** What is inflated at a time. */
const CHUNK_BYTES = 64 * 1024;

/** Whether bytes begin as gzip does, which nothing else that is taken does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 0x08;
}

/**
 * The bytes as they were before their content encoding. What inflates to more than `maxBytes` is given up there.
 *
 * @throws BoxError `too_large`, `unsupported_media_type` for another encoding, `invalid_argument` for broken data.
 */
export function decompress(bytes: Uint8Array, encoding: string, maxBytes: number): Buffer {
  const name = knownEncoding(encoding);
  if (name === 'identity') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return DECODERS[name](bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new BoxError('too_large', `Cannot read signal: it may have ${maxBytes} bytes at most when unpacked`, {
        cause,
      });
    }
    throw broken(name, cause);
  }
}

/**
 * The bytes as they were before their content encoding, as they come. How many they may become is for the reader to bound.
 *
 * @throws BoxError `unsupported_media_type` for another encoding, `invalid_argument` for broken data, and what `source` throws.
 */
export function decompressing(source: AsyncIterable<Buffer>, encoding: string): AsyncIterable<Buffer> {
  const name = knownEncoding(encoding);
  return name === 'identity' ? source : inflated(source, name);
}

async function* inflated(source: AsyncIterable<Buffer>, name: keyof typeof DECODERS): AsyncGenerator<Buffer> {
  const decoder = STREAM_DECODERS[name]({ chunkSize: CHUNK_BYTES });
  // The decoder fails with whatever fails here, and is what is read.
  pipeline(source, decoder).catch(() => undefined);
  try {
    for await (const chunk of decoder) yield chunk;
  } catch (cause) {
    throw cause instanceof BoxError ? cause : broken(name, cause);
  }
}

function knownEncoding(encoding: string): keyof typeof DECODERS | 'identity' {
  const name = encoding.trim().toLowerCase();
  if (name === 'identity' || name === '') return 'identity';
  if (Object.hasOwn(DECODERS, name)) return name as keyof typeof DECODERS;
  const known = Object.keys(DECODERS).join(', ');
  throw new BoxError('unsupported_media_type', `Cannot read signal: its encoding must be one of ${known}, got ${name}`);
}

function broken(name: string, cause: unknown): BoxError {
  return new BoxError('invalid_argument', `Cannot read signal: it must be ${name} (${errorText(cause)})`, { cause });
}
