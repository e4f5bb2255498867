/** How many signals of a source a scenario has in quarantine. */
export interface Quarantined {
  readonly source: string;
  readonly scenario: string;
  readonly signals: number;
}

/** Signals of sources that are not known, kept until somebody says what becomes of them. */
export interface Quarantine {
  /** What is kept, by source and scenario. @throws BoxError `unavailable` when the bus does not answer. */
  list(): Promise<readonly Quarantined[]>;
  /**
   * Gives what is kept of a source to the stages that it was meant for, in its order, and takes it from the quarantine. When it
   * fails half-way it can be called again: nothing is lost and nothing is processed twice.
   *
   * @returns how many signals.
   * @throws BoxError `unavailable`, `storage_full`.
   */
  release(source: string): Promise<number>;
  /** Drops what is kept of a source. @returns how many signals. @throws BoxError `unavailable`. */
  drop(source: string): Promise<number>;
  close(): void;
}
