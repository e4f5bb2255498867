/** One printed line and when it was read. */
export interface LogLine {
  readonly time: Date;
  readonly text: string;
}

const DEFAULT_MAX_LINES = 2_000;

/** The last lines that a process printed, and a way to follow what comes. */
export class LogBuffer {
  readonly #maxLines: number;
  #lines: LogLine[] = [];
  readonly #followers = new Set<(line: LogLine) => void>();

  constructor(maxLines = DEFAULT_MAX_LINES) {
    this.#maxLines = maxLines;
  }

  add(text: string): void {
    const line = { time: new Date(), text };
    this.#lines.push(line);
    // Cut in slices, so that a line costs no copy of the whole.
    if (this.#lines.length >= 2 * this.#maxLines) this.#lines = this.#lines.slice(-this.#maxLines);
    for (const follow of this.#followers) follow(line);
  }

  /** The last `count` lines, oldest first. */
  last(count: number): readonly LogLine[] {
    return count <= 0 ? [] : this.#lines.slice(-Math.min(count, this.#maxLines));
  }

  /** Calls `follow` with every line from now on; the answer ends that. */
  follow(follow: (line: LogLine) => void): () => void {
    this.#followers.add(follow);
    return () => this.#followers.delete(follow);
  }
}
