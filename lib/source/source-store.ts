import type { SourceRecord } from './source.ts';

/** Where sources are kept. Only the orchestrator writes; the connector follows. */
export interface SourceStore {
  /** The source as it is now; undefined when there is none. */
  get(id: string): Promise<SourceRecord | undefined>;
  /** All sources, by id. */
  list(): Promise<readonly SourceRecord[]>;
  /**
   * Keeps the record. `expectedRev` is the revision that it replaces; undefined: there must be none yet.
   *
   * @throws BoxError `conflict` when somebody else was first.
   */
  put(record: SourceRecord, expectedRev: string | undefined): Promise<void>;
  /**
   * Removes the source.
   *
   * @throws BoxError `conflict` when its revision is no longer `expectedRev`, `not_found` when there is none.
   */
  delete(id: string, expectedRev: string): Promise<void>;
}

/** One change of the sources: `record` is undefined when the source was removed. */
export interface SourceChange {
  readonly id: string;
  readonly record: SourceRecord | undefined;
}

/** Tells of sources as they change, as a ScenarioFeed tells of scenarios. */
export interface SourceFeed {
  follow(signal: AbortSignal): AsyncIterable<SourceChange | 'caught-up'>;
}
