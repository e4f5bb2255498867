import type { IncomingHttpHeaders } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { parseForm } from './form.ts';
import { RequestProblem, tooLarge } from './problem.ts';

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Made once: a decoder costs more than a small body. */
const UTF8 = new TextDecoder();

/** The media type of a Content-Type, in lower case; the official templates take a body without one as text. */
export function mediaType(headers: IncomingHttpHeaders): string {
  const [type = ''] = (headers['content-type'] ?? 'text/plain').split(';');
  return type.trim().toLowerCase();
}

export function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

/**
 * A body by its Content-Type: JSON parsed, `text/*` as a string, a form as an object, anything else as the bytes.
 * @throws RequestProblem 400 for what does not parse, 415 for a charset that is not known
 */
export function parseBody(bytes: Buffer, headers: IncomingHttpHeaders): unknown {
  const type = mediaType(headers);
  if (isJson(type)) return parseJson(decodeText(bytes, headers));
  if (type.startsWith('text/')) return decodeText(bytes, headers);
  if (type === 'application/x-www-form-urlencoded') return parseForm(decodeText(bytes, headers));
  return bytes;
}

/**
 * The bytes of a body that came compressed (Content-Encoding).
 * @throws RequestProblem 413 if they are more than `limit`, 400 if they are broken, 415 for an encoding that is not known
 */
export async function decompress(bytes: Buffer, encoding: string, limit: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase();
  if (!Object.hasOwn(DECODERS, name)) {
    throw new RequestProblem(
      415,
      'unsupported_media_type',
      `Cannot read the request body: Content-Encoding must be gzip, deflate or br, got "${encoding}"`,
    );
  }
  try {
    return await DECODERS[name as keyof typeof DECODERS](bytes, { maxOutputLength: limit });
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new RequestProblem(400, 'invalid_argument', `Cannot decompress the request body as ${name}: ${reason}`);
  }
}

function parseJson(text: string): unknown {
  // As there: an empty body that says it is JSON is an empty object.
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new RequestProblem(400, 'invalid_argument', `Cannot parse the request body as JSON: ${reason}`);
  }
}

function decodeText(bytes: Buffer, headers: IncomingHttpHeaders): string {
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  if (charset === 'utf-8') return UTF8.decode(bytes);
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    const message = `Cannot read the request body: its charset must be one of the Encoding standard, got "${charset}"`;
    throw new RequestProblem(415, 'unsupported_media_type', message);
  }
}
