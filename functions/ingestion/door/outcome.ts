import { setTimeout as delay } from 'node:timers/promises';
import type { StageProgress } from '#lib/bus/stage-progress.ts';
import type { TopicMessage, TopicReader } from '#lib/bus/topic-reader.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { bareContentType, isJsonContentType } from '#lib/message/cloud-event.ts';
import { type ScenarioRecord, type Stage, type StageDefinition, stagesOf } from '#lib/scenario/scenario.ts';
import type { Accepted } from './door.ts';

/** What became of a signal: the bodies of what each stage made of it. */
export interface Outcome {
  /** Of a scenario that ends with ingestion. */
  readonly features?: readonly unknown[];
  readonly predictions?: readonly unknown[];
  readonly notifications?: readonly unknown[];
}

export interface OutcomeParts {
  readonly reader: TopicReader;
  readonly progress: StageProgress;
}

const NAMES = { ingestion: 'features', inference: 'predictions', notification: 'notifications' } as const;

/** JetStream tells nobody that a message was acknowledged, so its consumer is asked, soon at first and then less often. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

/**
 * Waits until every stage of the scenario is done with the signal, and collects what they made of it.
 *
 * @throws BoxError `deadline_exceeded` when that takes longer than `timeoutMs`; `unprocessable` when a stage refused the
 * signal, so that nothing came to the next one.
 */
export async function waitForOutcome(
  signal: Accepted,
  timeoutMs: number,
  { reader, progress }: OutcomeParts,
): Promise<Outcome> {
  const deadline = performance.now() + timeoutMs;
  const { record } = signal;
  const outcome: { -readonly [Name in keyof Outcome]: Outcome[Name] } = {};
  const stages = stagesOf(record.scenario);
  let lastSeq = signal.seq;
  for (const [index, { stage, definition }] of stages.entries()) {
    await untilDone(record.id, stage, lastSeq, deadline, progress, signal);
    const made = await madeOf(signal, definition, reader);
    const isLast = index === stages.length - 1;
    if (stage !== 'ingestion' || isLast) outcome[NAMES[stage]] = made.map(bodyOf);
    if (isLast) break;
    if (made.length === 0) {
      if (stage === 'ingestion' && addsUp(record)) return withoutAny(stages.map((each) => each.stage));
      throw refused(signal, stage);
    }
    lastSeq = Math.max(...made.map(({ seq }) => seq));
  }
  return outcome;
}

async function untilDone(
  scenarioId: string,
  stage: Stage,
  seq: number,
  deadline: number,
  progress: StageProgress,
  signal: Accepted,
): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!(await progress.isDone(scenarioId, stage, seq))) {
    if (performance.now() + pauseMs > deadline) {
      throw new BoxError(
        'deadline_exceeded',
        `Cannot tell the outcome of signal ${signal.correlationId}: stage ${stage} is not done with it yet; it is stored and will be processed`,
        { facts: { correlation_id: signal.correlationId } },
      );
    }
    await delay(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS);
  }
}

/** Whether signals add up in windows: then most of them make nothing by themselves. */
function addsUp({ scenario }: ScenarioRecord): boolean {
  return scenario.scenario_definition.ingestion_definition?.data_descriptor.window !== undefined;
}

/** The outcome of a signal that completed no window. */
function withoutAny(stages: readonly (keyof typeof NAMES)[]): Outcome {
  return Object.fromEntries(stages.filter((stage) => stage !== 'ingestion').map((stage) => [NAMES[stage], []]));
}

/** The messages that a stage published for the signal, or for one of the signals in it. */
async function madeOf(signal: Accepted, { out_topic: topic }: StageDefinition, reader: TopicReader) {
  const made: TopicMessage[] = [];
  for await (const message of reader.read(topic, { from: { seq: signal.seq + 1 }, until: 'end' })) {
    const id = message.attributes.correlationid;
    if (id === signal.correlationId || id?.startsWith(`${signal.correlationId}.`)) made.push(message);
  }
  return made;
}

function bodyOf({ attributes, body }: TopicMessage): unknown {
  const type = bareContentType(attributes.datacontenttype);
  const bytes = Buffer.from(body);
  if (type === undefined || isJsonContentType(type)) return JSON.parse(bytes.toString('utf8'));
  return { content_type: type, data_base64: bytes.toString('base64') };
}

function refused(signal: Accepted, stage: Stage): BoxError {
  return new BoxError(
    'unprocessable',
    `Cannot process signal ${signal.correlationId}: stage ${stage} made nothing of it; the reason is with the dead letters`,
    { facts: { correlation_id: signal.correlationId, stage } },
  );
}
