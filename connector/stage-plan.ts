import type { FormerTopic } from '#lib/bus/jetstream-consumers.ts';
import { type ConsumerDefinition, functionOf, type Stage } from '#lib/scenario/scenario.ts';

/** With what a stage's messages are processed: one revision of one scenario. */
export interface StagePlan {
  readonly scenarioId: string;
  readonly rev: string;
  readonly stage: Stage;
  readonly definition: ConsumerDefinition;
  readonly paused: boolean;
  /** The most that a batch's events may hold together. */
  readonly maxBatchBytes: number;
  /** Topics that an earlier revision read, as far as their messages are still to be processed. */
  readonly formerTopics: readonly FormerTopic[];
}

export function functionOfPlan({ stage, definition }: StagePlan): string {
  return functionOf(stage, definition);
}
