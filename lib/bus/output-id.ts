import { STAGES, type Stage } from '../scenario/scenario.ts';

/** What a stage made a message of: the id that the message carries tells it. */
export interface MadeFrom {
  readonly scenario: string;
  readonly stage: Stage;
  /** The input's place in the stream of topics. */
  readonly seq: number;
}

/** What the ids of a stage's outputs begin with: `<scenario>.<stage>.`, then the input's sequence and the output's index. */
export function outputIdPrefix(scenario: string, stage: Stage): string {
  return `${scenario}.${stage}.`;
}

/** What an output was made of, by its id; undefined when it is no id of a stage's output. */
export function readOutputId(id: string): MadeFrom | undefined {
  const [, scenario, stageName, seq] = /^(.+)\.([a-z]+)\.(\d{1,15})\.\d+$/.exec(id) ?? [];
  const stage = STAGES.find((known) => known === stageName);
  if (scenario === undefined || stage === undefined || seq === undefined) return undefined;
  return { scenario, stage, seq: Number(seq) };
}
