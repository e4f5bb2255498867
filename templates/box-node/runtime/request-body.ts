import type { IncomingMessage } from 'node:http';
import { tooLarge } from './problem.ts';

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
 * The bytes of a request's body, undefined if the caller hung up before the end.
 * @throws RequestProblem 413 once more than `limit` bytes have come; the rest is left unread
 */
export function collectBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > limit) {
        request.off('data', onData);
        request.pause();
        reject(tooLarge(limit));
      } else chunks.push(chunk);
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size)));
    // Without a listener a connection that breaks off in the body would be an uncaught error.
    request.once('error', () => resolve(undefined));
    request.once('close', () => resolve(undefined));
  });
}
