import type { Stage } from '../scenario/scenario.ts';

/** Tells how far the stages of a scenario are. */
export interface StageProgress {
  /**
   * Whether a stage is done with every message up to a place in the stream: what it made of them is published, or they
   * are dead letters. False for a stage that the connector has not set up yet.
   *
   * @throws BoxError `unavailable` when the bus does not answer.
   */
  isDone(scenarioId: string, stage: Stage, seq: number): Promise<boolean>;
}
