import type { ScenarioRecord } from './scenario.ts';

/** Where scenarios are kept. Only the orchestrator writes; the connector follows. */
export interface ScenarioStore {
  /** The scenario as it is now; undefined when there is none. */
  get(id: string): Promise<ScenarioRecord | undefined>;
  /** The scenario as it was at one revision; undefined when that is not known. Revisions outlive their replacement. */
  getRevision(id: string, rev: string): Promise<ScenarioRecord | undefined>;
  /** All scenarios, by id. */
  list(): Promise<readonly ScenarioRecord[]>;
  /**
   * Keeps the record. `expectedRev` is the revision that it replaces; undefined: there must be none yet.
   *
   * @throws BoxError `conflict` when somebody else was first.
   */
  put(record: ScenarioRecord, expectedRev: string | undefined): Promise<void>;
  /**
   * Removes the scenario.
   *
   * @throws BoxError `conflict` when its revision is no longer `expectedRev`, `not_found` when there is none.
   */
  delete(id: string, expectedRev: string): Promise<void>;
  close(): Promise<void>;
}

/** One change of the scenarios: `record` is undefined when the scenario was removed. */
export interface ScenarioChange {
  readonly id: string;
  readonly record: ScenarioRecord | undefined;
}

/** Tells of scenarios as they change. */
export interface ScenarioFeed {
  /**
   * Every scenario as it is now, then every change, until `signal` aborts. The last change of a scenario is always
   * seen; earlier ones may be skipped. Lost connections are made again; `caught-up` marks the end of what was there.
   */
  follow(signal: AbortSignal): AsyncIterable<ScenarioChange | 'caught-up'>;
}
