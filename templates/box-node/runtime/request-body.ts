import type { IncomingMessage } from 'node:http';
import { tooLarge } from './problem.ts';

/** How much of a refused body is thrown away, and for how long, before the refusal is sent. */
const DISCARD_BYTES = 64 * 1024 ** 2;
const DISCARD_MS = 2_000;

export const HUNG_UP = Symbol('the caller hung up');

/** Whether a request has a body, be it an empty one (RFC 9112 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
}

/**
 * Refuses a body whose announced size is above `limit`, so that a caller that asked first (Expect: 100-continue) need not
 * send it at all.
 * @throws RequestProblem 413
 */
export function checkAnnouncedSize({ headers }: IncomingMessage, limit: number): void {
  if (Number(headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
}

/**
 * The bytes of a request's body, or that the caller hung up before its end.
 * @throws RequestProblem 413 once more than `limit` bytes have come; the rest is left unread
 */
export function collectBody(request: IncomingMessage, limit: number): Promise<Buffer | typeof HUNG_UP> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      request.off('data', onData);
      request.pause();
      reject(tooLarge(limit));
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks[0] && chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size)));
    // Without a listener a connection that breaks off in the body would be an uncaught error.
    request.once('error', () => resolve(HUNG_UP));
    request.once('close', () => resolve(HUNG_UP));
  });
}

/** Whether what is left of a request is little enough to be read for nothing. */
export function isWorthDiscarding({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) <= DISCARD_BYTES;
}

/** Reads the rest of a request without keeping it, up to a bound. True if it came to its end. */
export function discardRest(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    let discarded = 0;
    const settle = (): void => {
      clearTimeout(timer);
      resolve(request.complete);
    };
    const timer = setTimeout(settle, DISCARD_MS);
    request.on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > DISCARD_BYTES) settle();
    });
    for (const event of ['end', 'close', 'error']) request.once(event, settle);
    request.resume();
  });
}
