import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { BoxError } from '#lib/error/box-error.ts';
import { type FunctionRequest, parseJson } from '#lib/function/route.ts';
import { freeBytes, LARGE_BYTES } from '../model/onnx/free-bytes.ts';

/** The JSON part of a request and the bytes that follow it. */
export interface SplitBody {
  readonly json: unknown;
  readonly text: Buffer;
  readonly binary: Buffer;
  /** Gives the memory of a large body back; nothing of it may be used after. */
  release(): void;
}

/** What a packed body may unpack to. */
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

const unpackGzip = promisify(gunzip);
const unpackDeflate = promisify(inflate);

/**
 * Splits a body at the length that its header names; without the header all of it is JSON.
 *
 * @throws BoxError `invalid_argument` for a length that is no length or lies, `too_large` for a bomb
 */
export async function splitBody(request: FunctionRequest): Promise<SplitBody> {
  const body = await unpackBody(request);
  const header = request.headers['inference-header-content-length'];
  const release = () => {
    if (body.length >= LARGE_BYTES) freeBytes(body);
  };
  if (header === undefined) return { json: parseJson(body), text: body, binary: body.subarray(body.length), release };
  const length = Number(header);
  if (!/^\d+$/.test(header) || length > body.length) {
    const rule = `Inference-Header-Content-Length must be a whole number of at most ${body.length}, the body's length`;
    throw new BoxError('invalid_argument', `Cannot read request: ${rule}, got ${header.slice(0, 40)}`);
  }
  const text = body.subarray(0, length);
  return { json: parseJson(text), text, binary: body.subarray(length), release };
}

async function unpackBody(request: FunctionRequest): Promise<Buffer> {
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '') return request.body;
  const unpack = encoding === 'gzip' ? unpackGzip : encoding === 'deflate' ? unpackDeflate : undefined;
  if (unpack === undefined) {
    const rule = 'Content-Encoding must be gzip or deflate';
    throw new BoxError('unsupported_media_type', `Cannot read request: ${rule}, got ${encoding.slice(0, 40)}`);
  }
  try {
    return await unpack(request.body, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') {
      throw new BoxError('too_large', `Cannot read request: at most ${MAX_UNPACKED_BYTES} bytes are unpacked`, {
        cause,
      });
    }
    throw new BoxError('invalid_argument', `Cannot read request: its body must be ${encoding}`, { cause });
  }
}
