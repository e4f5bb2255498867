import { BoxError, errorText } from '#lib/error/box-error.ts';
import { csvRules, guessSeparator, readCsv, SEPARATORS } from '../format/csv.ts';
import { csvRowEnds, type LineEnds, plainLineEnds } from '../format/line-ends.ts';

/** Formats whose bodies are lines, each of them a signal by itself. */
export type LineFormat = 'ndjson' | 'csv' | 'tsv';

export interface CutRules {
  readonly format: LineFormat;
  readonly contentType: string;
  /** The most bytes of a part, a repeated header included. */
  readonly maxPartBytes: number;
  /** The most lines of a part, without its header. */
  readonly maxPartLines: number;
}

/** Whole lines of a body, which are a body of that format by themselves. */
export interface LinesPart {
  readonly body: Buffer;
  /** Says what the body's own first line said of it, where later lines might say something else. */
  readonly contentType: string;
  /** What of the whole body is in this part and those before it. */
  readonly upTo: Progress;
}

/** How much of a body was taken. A row of CSV counts as one line, whatever line breaks are in it, and so does its header. */
export interface Progress {
  readonly bytes: number;
  readonly lines: number;
}

/** So many bytes are looked at before more are copied: what has to be moved to the next part is not more than that. */
const STEP_BYTES = 64 * 1024;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const LF = 0x0a;
const CR = 0x0d;

/**
 * Cuts a body at its line ends while it comes, as late as the rules let it: where it is cut depends on the body alone, not on the
 * pieces that it comes in. One part is held at a time. The header of CSV stands at the head of each part.
 *
 * @throws BoxError `too_large` for a line that is longer than a part, `invalid_argument` for CSV whose first row is none, and
 *   what `source` throws.
 */
export async function* cutLines(source: AsyncIterable<Buffer>, rules: CutRules): AsyncGenerator<LinesPart> {
  const cutter = new LineCutter(rules);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += STEP_BYTES) yield* cutter.add(chunk.subarray(at, at + STEP_BYTES));
  }
  yield* cutter.rest();
}

class LineCutter {
  readonly #rules: CutRules;
  #contentType: string;
  /** Undefined until the first line has said what separates the cells of CSV. */
  #ends: LineEnds | undefined;
  /** The first row of CSV, once it is known to be names; empty where there are none. */
  #header: Buffer | undefined;
  #place: Buffer;
  #size = 0;
  /** Up to here the place was searched for line ends. */
  #searched = 0;
  /** Up to here it is whole lines. */
  #lineEnd = 0;
  /** The bytes at its head that the body does not have there. */
  #repeated = 0;
  /** Lines of this part. */
  #lines = 0;
  /** What was cut off before. */
  #bytesBefore = 0;
  #linesBefore = 0;

  constructor(rules: CutRules) {
    this.#rules = rules;
    this.#contentType = rules.contentType;
    this.#place = Buffer.allocUnsafeSlow(rules.maxPartBytes);
    if (rules.format !== 'ndjson') return;
    this.#ends = plainLineEnds();
    this.#header = Buffer.alloc(0);
  }

  *add(bytes: Buffer): Generator<LinesPart> {
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(this.#place, this.#size, at);
      at += copied;
      this.#size += copied;
      yield* this.#findLines();
      if (this.#size === this.#place.length) yield* this.#cut();
    }
  }

  /** What is left when the body has ended: its last line may have no line end. */
  *rest(): Generator<LinesPart> {
    if (this.#size > this.#lineEnd) {
      this.#lineEnd = this.#size;
      this.#lines++;
    }
    if (this.#lineEnd > this.#repeated) yield* this.#part();
  }

  *#findLines(): Generator<LinesPart> {
    this.#ends ??= this.#csvEnds();
    if (this.#ends === undefined) return;
    for (;;) {
      const end = this.#ends.next(this.#place, this.#searched, this.#size);
      this.#searched = end === -1 ? this.#size : end;
      if (end === -1) return;
      this.#lineEnd = end;
      this.#lines++;
      if (this.#header === undefined) this.#readHeader();
      if (this.#lines === this.#rules.maxPartLines) yield* this.#cut();
    }
  }

  *#cut(): Generator<LinesPart> {
    if (this.#lines === 0 || (this.#lineEnd === this.#header?.length && this.#bytesBefore === 0))
      throw this.#overlong();
    yield* this.#part();
    const header = this.#header ?? Buffer.alloc(0);
    const next = Buffer.allocUnsafeSlow(this.#place.length);
    header.copy(next);
    this.#place.copy(next, header.length, this.#lineEnd, this.#size);
    const moved = this.#lineEnd - header.length;
    this.#size -= moved;
    this.#searched -= moved;
    this.#lineEnd = header.length;
    this.#repeated = header.length;
    this.#lines = 0;
    this.#place = next;
  }

  /** The whole lines of the place as a part. Nobody is told of one that has nothing in it but blank lines. */
  *#part(): Generator<LinesPart> {
    this.#bytesBefore += this.#lineEnd - this.#repeated;
    this.#linesBefore += this.#lines;
    if (isBlank(this.#place, this.#repeated, this.#lineEnd)) return;
    yield {
      body: this.#place.subarray(0, this.#lineEnd),
      contentType: this.#contentType,
      upTo: { bytes: this.#bytesBefore, lines: this.#linesBefore },
    };
  }

  /** The ends of rows depend on the separator, which the first line tells. */
  #csvEnds(): LineEnds | undefined {
    const place = this.#place.subarray(0, this.#size);
    if (!place.includes(LF) && !place.includes(CR)) return undefined;
    // The first cell begins after it.
    if (place.indexOf(BYTE_ORDER_MARK) === 0) this.#searched = BYTE_ORDER_MARK.length;
    return csvRowEnds(this.#csvRules().separator ?? guessSeparator(place.toString('utf8')));
  }

  /** Sees in the first row that is not blank whether it is a header, as `readCsv` does when it reads a body whole. */
  #readHeader(): void {
    const head = this.#place.subarray(0, this.#lineEnd);
    if (isBlank(head, 0, head.length)) return;
    const text = head.toString('utf8');
    const rules = this.#csvRules();
    const hasNames = namesOf(text, rules.header, rules.separator) !== undefined;
    this.#header = hasNames ? Buffer.from(head) : Buffer.alloc(0);
    if (hasNames) return;
    // A later part begins with another row, which might look like names, or have another separator in its text.
    const separator = rules.separator ?? guessSeparator(text);
    if (rules.header === undefined) this.#contentType += '; header=absent';
    if (rules.separator === undefined && separator !== ',') {
      this.#contentType += `; separator=${SEPARATORS.find(({ sign }) => sign === separator)?.name}`;
    }
  }

  #csvRules() {
    const { contentType, format } = this.#rules;
    return csvRules(contentType, format === 'tsv' ? 'tsv' : 'csv');
  }

  #overlong(): BoxError {
    const line = this.#linesBefore + this.#lines + 1;
    const rule = `line ${line} is longer than the ${this.#place.length} bytes that a line of a large body may have`;
    return new BoxError('too_large', `Cannot take signal: ${rule}, the header of CSV included`, { facts: { line } });
  }
}

function namesOf(text: string, header: boolean | undefined, separator: string | undefined) {
  try {
    return readCsv(text, header, separator).names;
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot take signal: its first row must be CSV (${errorText(cause)})`, {
      cause,
    });
  }
}

function isBlank(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((bytes[at] ?? 0) > 0x20) return false;
  return true;
}
