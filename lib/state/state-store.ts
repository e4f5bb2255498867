/** What is kept under a key. */
export interface KeptState {
  /** A JSON value; undefined when there is none. */
  readonly value: unknown;
  /** Changes with every write, also with the one that removed the value; 0 when the key was never written. */
  readonly revision: number;
}

export interface StateWrite {
  readonly key: string;
  /** A JSON value; undefined removes what is there. */
  readonly value: unknown;
  /** The revision that the value was made of: the write fails when the key has another one by now. */
  readonly revision: number;
  /** After how long without another write the value may go; left out, it stays. */
  readonly ttlMs?: number;
}

export type WriteOutcome = 'written' | 'conflict';

/**
 * Small JSON values by key, with compare-and-set: state that outlives its process and may have several writers. Keys are
 * words of letters, digits, `-`, `_`, `=`, joined by dots. Every method throws BoxError `unavailable` when the store does
 * not answer.
 */
export interface StateStore {
  /** What is kept under each key: an entry for every key that was asked for. */
  load(keys: readonly string[]): Promise<ReadonlyMap<string, KeptState>>;
  /**
   * Writes, each key for itself; outcomes in the order of the writes. What has a conflict was not written.
   *
   * @throws BoxError `storage_full` when there is no room, `too_large` for a value that never fits; then some of the
   *   writes may have been made.
   */
  save(writes: readonly StateWrite[]): Promise<readonly WriteOutcome[]>;
  /** Every key that begins with `prefix` and a dot, with its value; with an empty prefix all. */
  list(prefix: string): Promise<ReadonlyMap<string, KeptState>>;
}
