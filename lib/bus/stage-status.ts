import type { Stage } from '../scenario/scenario.ts';

/** What a stage is doing: taking messages, told not to, or trying again something that failed. */
export type StageState = 'running' | 'paused' | 'retrying';

/** A stage as the connector reports it. */
export interface StageReport {
  readonly scenario: string;
  readonly stage: Stage;
  /** The scenario's revision with which the next batch is processed. */
  readonly rev: string;
  readonly function: string;
  readonly state: StageState;
  /** When it entered this state, RFC 3339. */
  readonly since: string;
  /** The last thing that went wrong; kept when the stage runs again. */
  readonly lastError?: { readonly at: string; readonly code: string; readonly message: string };
  /** Messages that were done with since the scenario was first put, dead letters included. */
  readonly processed: number;
  readonly dead: number;
}

/** A stage's report with how far it is behind. */
export interface StageStatus extends StageReport {
  /** Messages that wait. */
  readonly waiting: number;
  /** Messages that were taken and are not done with. */
  readonly inProgress: number;
}

/** What the connector made of a scenario's revision. */
export interface AppliedScenario {
  readonly scenario: string;
  readonly rev: string;
  readonly paused: boolean;
  /** Why it could not be set up; absent when it could. */
  readonly error?: string;
}

/** What the connector tells of itself. */
export interface StatusReader {
  /**
   * Every stage of every scenario, by scenario and in the order of the pipeline.
   *
   * @throws BoxError `unavailable` when the bus does not answer.
   */
  stages(): Promise<readonly StageStatus[]>;
  /**
   * Resolves when the connector works with this revision of the scenario (or, without one, has let go of the scenario).
   *
   * @throws BoxError `deadline_exceeded` when that took longer, `unprocessable` when the connector could not set it up.
   */
  waitApplied(scenarioId: string, rev: string | undefined, timeoutMs: number): Promise<void>;
}
