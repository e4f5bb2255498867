import type { Stage } from '../scenario/scenario.ts';

/** A message that could not be processed. */
export interface DeadLetter {
  /** Its place among the dead letters. */
  readonly seq: number;
  readonly scenario: string;
  readonly stage: Stage;
  readonly code: string;
  readonly reason: string;
  /** When it was given up, RFC 3339. */
  readonly time: string;
  /** How often the function was asked. */
  readonly attempts: number;
  /** Where it came from: subject, place in the stream, and the scenario's revision that it was processed with. */
  readonly subject: string;
  readonly inputSeq: number;
  readonly rev: string;
  /** CloudEvents attributes. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Size of its data in bytes. */
  readonly bytes: number;
}

export interface DeadLetterWithBody extends DeadLetter {
  readonly body: Uint8Array;
}

export interface DeadLetterFilter {
  readonly scenario?: string;
  readonly stage?: Stage;
}

/** What could not be processed: to look at, to try again, to drop. Every method throws BoxError `unavailable` when the bus does not answer. */
export interface DeadLetters {
  /** The oldest first, at most `limit`, those after `afterSeq`; `total` counts all that the filter lets through from there. */
  list(
    filter: DeadLetterFilter,
    page: { readonly limit: number; readonly afterSeq?: number },
  ): Promise<{ readonly letters: readonly DeadLetter[]; readonly total: number }>;
  /** @throws BoxError `not_found` when there is none. */
  show(seq: number): Promise<DeadLetterWithBody>;
  /**
   * Gives it back to the stage that could not process it, to that one alone, and takes it from the dead letters.
   *
   * @throws BoxError `not_found` when there is none, or its scenario has no such stage any more; `storage_full`.
   */
  replay(seq: number): Promise<void>;
  /** Gives back all that the filter lets through; returns how many. */
  replayAll(filter: DeadLetterFilter): Promise<number>;
  /** @throws BoxError `not_found` when there is none. */
  remove(seq: number): Promise<void>;
  close(): void;
}
