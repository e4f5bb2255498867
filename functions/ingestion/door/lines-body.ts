import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionEvent } from '#lib/function/contract.ts';
import type { FunctionRequest } from '#lib/function/route.ts';
import { SIGNATURE_HEADERS } from '#lib/source/signature.ts';
import { declaredFormat } from '../format/body-format.ts';
import { decompressing, isGzip } from '../format/decompress.ts';
import { MAX_ROWS } from '../signal/split-signal.ts';
import type { LineFormat } from './cut-lines.ts';

export interface BodyLimits {
  /** The largest signal. */
  readonly maxSignalBytes: number;
  /** The largest body that is cut into signals, its content encoding undone; none is when this is not more. */
  readonly maxUploadBytes: number;
  /** How long a body may take that comes as a stream. */
  readonly maxUploadMs: number;
}

/** A body of lines that is larger than a signal may be, or has more of them. */
export interface LinesBody {
  readonly format: LineFormat;
  readonly contentType: string;
  /** Its bytes as they come, unpacked. Who does not read them to the end calls `return`. */
  readonly bytes: AsyncIterableIterator<Buffer>;
}

/** How many bytes tell that a body is gzip. */
const GZIP_HEAD_BYTES = 3;
const LF = 0x0a;
const CR = 0x0d;

/**
 * Whether the runtime gives us a request's body as it comes: one of lines that may be larger than a signal. All else is held
 * whole.
 */
export function streamLimit(headers: FunctionEvent['headers'], limits: BodyLimits): number | undefined {
  if (!isCut(limits) || lineFormat(String(headers['content-type'])) === undefined) return undefined;
  const length = headers['content-length'];
  if (length !== undefined && Number(length) <= limits.maxSignalBytes) return undefined;
  return limits.maxUploadBytes;
}

/**
 * A request with its body whole: one that is to be checked or stored as it is.
 *
 * @throws BoxError `too_large` for a stream of more than `maxSignalBytes`.
 */
export async function heldWhole(request: FunctionRequest, { maxSignalBytes }: BodyLimits): Promise<FunctionRequest> {
  const { bodyStream, ...rest } = request;
  if (bodyStream === undefined) return request;
  const { pieces, size, bytes } = await readAhead(bodyStream, maxSignalBytes + 1);
  if (size <= maxSignalBytes) return { ...rest, body: Buffer.concat(pieces) };
  await bytes.return?.();
  const why = isSigned(request) ? 'a signature is over the whole body, which is not cut into parts' : 'it is not cut';
  throw new BoxError('too_large', `Cannot take signal: at most ${maxSignalBytes} bytes are taken, as ${why}`);
}

/** Whether it has a signature, be it right or wrong. */
export function isSigned({ headers }: FunctionRequest): boolean {
  return SIGNATURE_HEADERS.some((name) => headers[name] !== undefined);
}

/**
 * The body of a request as lines, when it is larger than a signal may be or has more of them; else the request with its body whole,
 * unpacked where it was of lines.
 *
 * @throws BoxError `too_large`, `unsupported_media_type` for an encoding that is not known, `invalid_argument` where the body breaks off.
 */
export async function readLinesBody(
  request: FunctionRequest,
  limits: BodyLimits,
): Promise<LinesBody | FunctionRequest> {
  const { maxSignalBytes, maxUploadBytes } = limits;
  const { 'content-encoding': encoding, ...headers } = request.headers;
  const contentType = headers['content-type'] ?? '';
  const format = lineFormat(contentType);
  if (format === undefined || !isCut(limits) || isSigned(request)) return heldWhole(request, limits);
  const { bodyStream, ...rest } = request;
  const cutOrWhole = (whole: FunctionRequest) =>
    hasManyLines(whole.body) ? { format, contentType, bytes: oneChunk(whole.body) } : whole;
  if (bodyStream === undefined && encoding === undefined && request.body.length <= maxSignalBytes)
    return cutOrWhole(request);
  const sent = bodyStream ?? oneChunk(request.body);
  const unpacked = bounded(encoding === undefined ? sent : decompressing(sent, encoding), maxUploadBytes);
  const isLarge = encoding === undefined && Number(headers['content-length'] ?? 0) > maxSignalBytes;
  const ahead = await readAhead(unpacked, isLarge ? GZIP_HEAD_BYTES : maxSignalBytes + 1);
  if (ahead.hasEnded) return cutOrWhole({ ...rest, headers, body: Buffer.concat(ahead.pieces) });
  const isPacked = encoding === undefined && isGzip(Buffer.concat(ahead.pieces.slice(0, GZIP_HEAD_BYTES)));
  const bytes = isPacked ? bounded(decompressing(ahead.bytes, 'gzip'), maxUploadBytes) : ahead.bytes;
  return { format, contentType, bytes };
}

/** By its line breaks, those in quoted cells too: a body that is cut without need is processed as well. */
function hasManyLines(body: Buffer): boolean {
  let breaks = 0;
  for (let at = 0; at < body.length; at++) {
    const isBreak = body[at] === LF || (body[at] === CR && body[at + 1] !== LF);
    if (isBreak && ++breaks > MAX_ROWS) return true;
  }
  return false;
}

function isCut({ maxSignalBytes, maxUploadBytes }: BodyLimits): boolean {
  return maxUploadBytes > maxSignalBytes;
}

function lineFormat(contentType: string): LineFormat | undefined {
  const format = declaredFormat(contentType);
  return format === 'ndjson' || format === 'csv' || format === 'tsv' ? format : undefined;
}

async function* oneChunk(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function* bounded(source: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new BoxError('too_large', `Cannot take signals: a body may have ${maxBytes} bytes at most, unpacked`);
    }
    yield chunk;
  }
}

interface Ahead {
  readonly pieces: Buffer[];
  readonly size: number;
  readonly hasEnded: boolean;
  /** All of it, what was read ahead first. */
  readonly bytes: AsyncIterableIterator<Buffer>;
}

/** Reads at least so many bytes, or all when there are less. */
async function readAhead(source: AsyncIterable<Buffer>, minBytes: number): Promise<Ahead> {
  const iterator = source[Symbol.asyncIterator]();
  const pieces: Buffer[] = [];
  let size = 0;
  let hasEnded = false;
  while (size < minBytes && !hasEnded) {
    const next = await iterator.next();
    if (next.done) hasEnded = true;
    else {
      pieces.push(next.value);
      size += next.value.length;
    }
  }
  const bytes: AsyncIterableIterator<Buffer> = {
    [Symbol.asyncIterator]: () => bytes,
    next() {
      const value = pieces.shift();
      return value === undefined ? iterator.next() : Promise.resolve({ value, done: false });
    },
    async return() {
      await iterator.return?.();
      return { value: undefined, done: true };
    },
  };
  return { pieces, size, hasEnded, bytes };
}
