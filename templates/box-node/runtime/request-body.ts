import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
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
    const body = new BodyBytes(Number(request.headers['content-length'] ?? 0));
    const onData = (chunk: Buffer): void => {
      if (body.size + chunk.length <= limit) {
        body.add(chunk);
        return;
      }
      request.off('data', onData);
      request.pause();
      reject(tooLarge(limit));
    };
    request.on('data', onData);
    request.once('end', () => resolve(body.whole()));
    // Without a listener a connection that breaks off in the body would be an uncaught error.
    request.once('error', () => resolve(HUNG_UP));
    request.once('close', () => resolve(HUNG_UP));
  });
}

/**
 * A request's body as it comes, no faster than it is read. It ends with an error when the caller hangs up before its end, and
 * with RequestProblem 413 once more than `limit` bytes have come. Destroying it leaves the request alone: what is
 * left of it can be discarded, and the caller answered.
 */
export class BodyStream extends Readable {
  readonly #request: IncomingMessage;
  readonly #onFirstRead: () => void;
  readonly #limit: number;
  #size = 0;
  #isAsked = false;
  #hasEnded = false;

  constructor(request: IncomingMessage, limit: number, onFirstRead: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#request = request;
    this.#limit = limit;
    this.#onFirstRead = onFirstRead;
    const hungUp = (): void => {
      if (!this.#hasEnded) this.destroy(new Error('The caller hung up before the end of the body'));
    };
    for (const event of ['error', 'close']) request.once(event, hungUp);
  }

  override _read(): void {
    if (this.#isAsked) {
      this.#request.resume();
      return;
    }
    this.#isAsked = true;
    this.#onFirstRead();
    this.#request.on('data', this.#onData);
    this.#request.once('end', this.#onEnd);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.pause();
    done(error);
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.push(null);
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#size += chunk.length;
    if (this.#size > this.#limit) this.destroy(tooLarge(this.#limit));
    else if (!this.push(chunk)) this.#request.pause();
  };
}

/** From this size on the memory of a piece is given back as soon as it was copied. */
const LARGE_BYTES = 16 * 1024;

/** The bytes of a body that comes in pieces. */
class BodyBytes {
  size = 0;
  readonly #announced: number;
  #pieces: Buffer[] = [];
  /** Where the pieces of a body whose size was announced are put together, once there are two. */
  #place: Buffer | undefined;

  constructor(announced: number) {
    this.#announced = announced;
  }

  add(piece: Buffer): void {
    const from = this.size;
    this.size += piece.length;
    if (this.#place === undefined && from > 0 && this.#announced >= LARGE_BYTES && this.#announced >= this.size) {
      this.#place = Buffer.allocUnsafeSlow(this.#announced);
      let at = 0;
      for (const earlier of this.#pieces) at = put(earlier, this.#place, at);
      this.#pieces = [];
    }
    if (this.#place === undefined) this.#pieces.push(piece);
    else put(piece, this.#place, from);
  }

  whole(): Buffer {
    if (this.#place !== undefined)
      return this.#place.length === this.size ? this.#place : this.#place.subarray(0, this.size);
    const [first] = this.#pieces;
    return first && this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces, this.size);
  }
}

/**
 * Copies a piece and gives its memory back at once where it has memory of its own: a large body comes in pieces of 64 KB,
 * and the collector, which looks at the whole heap for every 16 MB or so of them, would take longer than the copy.
 */
function put(piece: Buffer, place: Buffer, at: number): number {
  const end = at + piece.copy(place, at);
  const { buffer } = piece;
  const isItsOwn = piece.length === buffer.byteLength && piece.length >= LARGE_BYTES;
  if (isItsOwn && buffer instanceof ArrayBuffer) buffer.transfer(0);
  return end;
}

/** Whether what is left of a request is little enough to be read for nothing. */
export function isWorthDiscarding({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? 0) <= DISCARD_BYTES;
}

/** Reads the rest of a request without keeping it, up to a bound. True if it came to its end. */
export function discardRest(request: IncomingMessage, maxBytes = DISCARD_BYTES): Promise<boolean> {
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
      if (discarded > maxBytes) settle();
    });
    for (const event of ['end', 'close', 'error']) request.once(event, settle);
    request.resume();
  });
}
