import type { FormerTopic } from '#lib/bus/jetstream-consumers.ts';
import { type ConsumerDefinition, functionOf, type Stage } from '#lib/scenario/scenario.ts';

/** What a scenario asks of the sources of its signals, at the stage where they come in. */
export interface EntrancePolicy {
  /** Where they come in, now and (as far as that is still to be processed) before. */
  readonly topics: readonly string[];
  readonly unknownSources: 'allow' | 'quarantine' | 'refuse';
  readonly requireSignature: boolean;
  /** Where the scenario's notifications go; undefined where it makes none. */
  readonly notificationTopic: string | undefined;
}

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
  /** At the scenario's first stage alone. */
  readonly entrance?: EntrancePolicy;
}

export function functionOfPlan({ stage, definition }: StagePlan): string {
  return functionOf(stage, definition);
}
