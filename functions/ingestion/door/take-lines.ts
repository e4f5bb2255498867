import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionRequest } from '#lib/function/route.ts';
import { cutLines, type LinesPart, type Progress } from './cut-lines.ts';
import { type Accepted, checkId, type IncomingSignal } from './door.ts';
import type { Admission } from './gate.ts';
import { anotherBody, type Idempotency, placeOf } from './idempotency.ts';
import type { LinesBody } from './lines-body.ts';
import { newSignalId } from './signal-id.ts';

/**
 * The most bytes of a part: little enough to be held a few times over, and for a NATS server whose `max_payload` is the default of
 * 1 MiB, headers included.
 */
const PART_BYTES = 1024 ** 2 - 8192;
/**
 * The most lines of a part: each becomes features of its own, 400 bytes and some 30 for each of them, and all of a part go into one answer.
 * So with a hundred features that has 7 MB.
 */
const PART_LINES = 2000;

/** A part's id is that of the whole, a dot and its number: together as long as an id may be. */
const MAX_WHOLE_ID_LENGTH = 192;

export interface TakeLinesParts {
  readonly idempotency: Idempotency;
  readonly maxSignalBytes: number;
  /** Takes one signal: counts it against the quota, and stores it unless its key was used for it before. */
  readonly takeOne: (signal: IncomingSignal, key: string | undefined) => Promise<Accepted>;
}

export interface TakenLines {
  readonly ids: readonly string[];
  /** Every part had been taken before. */
  readonly duplicate: boolean;
}

/**
 * Takes a body of lines in parts, each a signal of its own, in their order: while one is stored the next is read, and no more. When
 * something fails, the error says which were stored (`stored`) and how much of the body that is (`taken`).
 *
 * @throws BoxError of the part that failed, of a line that is longer than a part, of a body that breaks off.
 */
export async function takeLines(
  body: LinesBody,
  request: FunctionRequest,
  admission: Admission,
  parts: TakeLinesParts,
): Promise<TakenLines> {
  const upload = new Upload(request, admission, parts);
  let storing: Promise<void> = Promise.resolve();
  try {
    await upload.begin();
    for await (const part of cutLines(body.bytes, rulesOf(body, parts.maxSignalBytes))) {
      await storing;
      storing = upload.store(part);
      // It is awaited when the next part has been read.
      storing.catch(() => undefined);
    }
    await storing;
    return await upload.end();
  } catch (thrown) {
    await body.bytes.return?.();
    // What was being stored when reading failed comes first in the body.
    const first = await storing.then(
      () => thrown,
      (failed: unknown) => failed,
    );
    throw upload.failure(first);
  }
}

function rulesOf({ format, contentType }: LinesBody, maxSignalBytes: number) {
  return { format, contentType, maxPartBytes: Math.min(PART_BYTES, maxSignalBytes), maxPartLines: PART_LINES };
}

class Upload {
  readonly #request: FunctionRequest;
  readonly #parts: TakeLinesParts;
  readonly #place: string;
  /** The caller's key, under which the body may come again. */
  readonly #key: string | undefined;
  readonly #id: string;
  readonly #ids: string[] = [];
  #taken: Progress = { bytes: 0, lines: 0 };
  #isDuplicate = true;
  /** How many parts came under this key before. */
  #earlierParts: number | undefined;

  constructor(request: FunctionRequest, admission: Admission, parts: TakeLinesParts) {
    const { 'idempotency-key': key, 'ce-id': id } = request.headers;
    this.#request = request;
    this.#parts = parts;
    this.#place = placeOf(admission);
    this.#key = key;
    this.#id = key ?? id ?? newSignalId(Date.now());
  }

  async begin(): Promise<void> {
    checkId(this.#id, MAX_WHOLE_ID_LENGTH);
    if (this.#key !== undefined) {
      this.#earlierParts = await this.#parts.idempotency.earlierParts(this.#place, this.#key);
    }
  }

  async store({ body, contentType, upTo }: LinesPart): Promise<void> {
    const number = this.#ids.length;
    if (number === this.#earlierParts) throw anotherBody();
    const { 'ce-time': time, traceparent } = this.#request.headers;
    const signal = { body, contentType, id: `${this.#id}.${number}`, time, traceparent };
    // No key that a caller can send has a line break.
    const key = this.#key === undefined ? undefined : `${this.#key}\n${number}`;
    const { correlationId, duplicate } = await this.#parts.takeOne(signal, key);
    this.#ids.push(correlationId);
    this.#taken = upTo;
    this.#isDuplicate &&= duplicate;
  }

  async end(): Promise<TakenLines> {
    const parts = this.#ids.length;
    if (parts === 0)
      throw new BoxError('invalid_argument', 'Cannot take signals: the body has nothing but blank lines');
    if (this.#earlierParts !== undefined && this.#earlierParts !== parts) throw anotherBody();
    if (this.#key !== undefined && this.#earlierParts === undefined) {
      await this.#parts.idempotency.keepParts(this.#place, this.#key, parts);
    }
    return { ids: this.#ids, duplicate: this.#isDuplicate };
  }

  failure(thrown: unknown): BoxError {
    const error = BoxError.from(thrown);
    return new BoxError(error.code, `${error.message} (part ${this.#ids.length + 1} of a large body)`, {
      cause: error,
      facts: { ...error.facts, stored: this.#ids, taken: this.#taken },
      ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
    });
  }
}
