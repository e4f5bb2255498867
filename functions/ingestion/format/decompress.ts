import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { BoxError, errorText } from '#lib/error/box-error.ts';

const DECODERS = { gzip: gunzipSync, 'x-gzip': gunzipSync, br: brotliDecompressSync, deflate: inflateSync } as const;

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
  const name = encoding.trim().toLowerCase();
  if (name === 'identity' || name === '') return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decode = Object.hasOwn(DECODERS, name) ? DECODERS[name as keyof typeof DECODERS] : undefined;
  if (decode === undefined) {
    const known = Object.keys(DECODERS).join(', ');
    throw new BoxError(
      'unsupported_media_type',
      `Cannot read signal: its encoding must be one of ${known}, got ${name}`,
    );
  }
  try {
    return decode(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new BoxError('too_large', `Cannot read signal: it may have ${maxBytes} bytes at most when unpacked`, {
        cause,
      });
    }
    throw new BoxError('invalid_argument', `Cannot read signal: it must be ${name} (${errorText(cause)})`, { cause });
  }
}
