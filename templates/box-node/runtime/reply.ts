import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { isUint8Array } from 'node:util/types';
import { errorFacts, log } from './log.ts';
import { PROBLEM_TYPE, type RequestProblem } from './problem.ts';
import { discardRest, isWorthDiscarding } from './request-body.ts';

/**
 * In every answer, whatever it is: for how many seconds this process has lived. Who waits for an answer to an earlier call learns by it
 * that the process which had that call is gone. By the monotonic clock, so that nobody's clock has to be right.
 */
export const UPTIME_HEADER = 'Box-Uptime-Seconds';

const KEPT_HEADERS: readonly string[] = ['connection', UPTIME_HEADER.toLowerCase()];

/** A request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The caller waits for "100 Continue" before it sends the body. */
  isHeldBack: boolean;
}

/** An answer as the handler gave it. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly value: unknown;
  /** The Content-Type if the value is a string and the headers name none. */
  readonly textType: string;
}

/** Tells a caller that waits for it to send the body. */
export function askForBody(exchange: Exchange): void {
  if (exchange.isHeldBack) exchange.response.writeContinue();
  exchange.isHeldBack = false;
}

/**
 * Sends an answer: bytes and strings as they are, a stream as it comes, anything else as JSON.
 * @throws what JSON.stringify, the headers or the stream threw before the first byte was sent
 */
export async function sendReply(exchange: Exchange, reply: Reply): Promise<void> {
  const stream = asStream(reply.value);
  try {
    await send(exchange, reply, stream);
  } catch (thrown) {
    // With headers that cannot be sent nobody would read it, nor close what it reads from.
    stream?.destroy();
    throw thrown;
  }
}

async function send({ request, response }: Exchange, reply: Reply, stream: Readable | undefined): Promise<void> {
  const { status, headers, value, textType } = reply;
  const bodiless = status === 204 || status === 205 || status === 304;
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

/**
 * Answers with problem details. What a refused request still sends is read and thrown away first, up to a bound: a proxy
 * that is answered while it is sending reports a broken connection in place of the answer, the watchdog's callers do.
 * Beyond the bound the answer goes out at once, and the connection is closed when the caller has had time to read it.
 * Who waits for "100 Continue" is told to send, too: in front of the watchdog are servers in Go, which begin to send
 * after 1.5 s, and of which each resets the connection of a caller whose body it did not read, the answer with it.
 */
export async function sendProblem(exchange: Exchange, problem: RequestProblem): Promise<void> {
  const { request, response } = exchange;
  const isLittle = isWorthDiscarding(request);
  if (isLittle) askForBody(exchange);
  const isRead = isLittle && (await discardRest(request));
  if (response.destroyed) return;
  const body = request.method === 'HEAD' ? '' : problem.body();
  for (const name of response.getHeaderNames()) if (!KEPT_HEADERS.includes(name)) response.removeHeader(name);
  response.statusCode = problem.status;
  response.setHeader('Content-Type', PROBLEM_TYPE);
  if (body !== '') response.setHeader('Content-Length', Buffer.byteLength(body));
  if (problem.retryAfterSeconds !== undefined) response.setHeader('Retry-After', problem.retryAfterSeconds);
  if (!isRead) response.setHeader('Connection', 'close');
  if (body !== '') response.write(body);
  if (!isRead && !exchange.isHeldBack) await discardRest(request);
  response.end();
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
