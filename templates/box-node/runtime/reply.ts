import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { isUint8Array } from 'node:util/types';
import { errorFacts, log } from './log.ts';
import { PROBLEM_TYPE, type RequestProblem } from './problem.ts';

/** An answer as the handler gave it. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly value: unknown;
  /** The Content-Type if the value is a string and the headers name none. */
  readonly textType: string;
}

/** How long and how much of a refused body is read and thrown away, so that the caller gets to read the answer. */
const LINGER_MS = 2_000;
const LINGER_BYTES = 128 * 1024 ** 2;

/**
 * Sends an answer: bytes and strings as they are, a stream as it comes, anything else as JSON.
 * @throws what JSON.stringify, the headers or the stream threw before the first byte was sent
 */
export async function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  const { status, headers, value, textType } = reply;
  const bodiless = status === 204 || status === 205 || status === 304;
  const stream = asStream(value);
  const [type, body] = stream || bodiless ? [undefined, undefined] : encode(value, textType);
  response.statusCode = status;
  for (const [name, entry] of Object.entries(headers)) setHeader(response, name, entry);
  if (type !== undefined && !response.hasHeader('content-type')) response.setHeader('Content-Type', type);
  if (stream && (bodiless || request.method === 'HEAD')) stream.destroy();
  else if (stream) return sendStream(response, stream);
  if (bodiless) for (const name of ['content-type', 'content-length']) response.removeHeader(name);
  else if (!stream) response.setHeader('Content-Length', body === undefined ? 0 : Buffer.byteLength(body));
  if (body === undefined || request.method === 'HEAD') response.end();
  else response.end(body);
}

/** Answers with problem details. A request body that was not read wholly costs the connection. */
export function sendProblem(request: IncomingMessage, response: ServerResponse, problem: RequestProblem): void {
  const body = problem.body();
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = problem.status;
  response.setHeader('Content-Type', PROBLEM_TYPE);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  if (problem.retryAfterSeconds !== undefined) response.setHeader('Retry-After', problem.retryAfterSeconds);
  if (request.complete || request.method === 'HEAD') {
    response.end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  response.setHeader('Connection', 'close');
  response.write(body);
  linger(request, response);
}

/** Closing a socket with unread input resets it, and the caller loses the answer that it has not read yet. */
function linger(request: IncomingMessage, response: ServerResponse): void {
  let discarded = 0;
  const stop = (): void => {
    clearTimeout(timer);
    if (!response.writableEnded) response.end();
  };
  const timer = setTimeout(stop, LINGER_MS);
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > LINGER_BYTES) stop();
  });
  for (const event of ['end', 'close', 'error']) request.once(event, stop);
  request.resume();
}

async function sendStream(response: ServerResponse, stream: Readable): Promise<void> {
  if (!(await hasStarted(stream, response))) return;
  if (!response.hasHeader('content-type')) response.setHeader('Content-Type', 'application/octet-stream');
  try {
    await pipeline(stream, response);
  } catch (thrown) {
    const callerHungUp = isPrematureClose(thrown) && response.destroyed;
    if (!callerHungUp) log('error', 'The stream that the handler answered with broke off', errorFacts(thrown));
    response.destroy();
  }
}

/** Waits for a stream's first bytes, so that one that fails at once is still answered with 500. False: the caller has gone. */
async function hasStarted(stream: Readable, response: ServerResponse): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onStart = (): void => resolve(true);
  const onGone = (): void => resolve(false);
  for (const event of ['readable', 'end', 'close']) stream.once(event, onStart);
  stream.once('error', reject);
  response.once('close', onGone);
  if (response.destroyed) resolve(false);
  else if (stream.errored) reject(stream.errored);
  else if (stream.closed) resolve(true);
  try {
    const started = await promise;
    if (!started) stream.destroy();
    return started;
  } finally {
    for (const event of ['readable', 'end', 'close']) stream.off(event, onStart);
    response.off('close', onGone);
    // The error listener stays: a stream that is destroyed here may still report an error, which nobody waits for.
  }
}

function isPrematureClose(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function asStream(value: unknown): Readable | undefined {
  if (value instanceof Readable) return value;
  if (value instanceof globalThis.ReadableStream) return Readable.fromWeb(value as ReadableStream);
  return undefined;
}

function encode(value: unknown, textType: string): [type: string | undefined, body: string | Uint8Array | undefined] {
  if (value === undefined || value === null) return [undefined, undefined];
  if (typeof value === 'string') return [textType, value];
  if (isUint8Array(value)) return ['application/octet-stream', value];
  return ['application/json; charset=utf-8', JSON.stringify(value)];
}

function setHeader(response: ServerResponse, name: string, value: unknown): void {
  if (value === undefined || value === null) return;
  response.setHeader(name, Array.isArray(value) ? value.map(String) : String(value));
}
