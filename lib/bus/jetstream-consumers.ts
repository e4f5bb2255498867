import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import type { Stage } from '../scenario/scenario.ts';
import { consumerName, entranceSubjects, STREAM, stageSubject } from './subjects.ts';

export interface StageConsumer {
  readonly scenario: string;
  readonly stage: Stage;
  readonly inTopic: string;
  /** Whether signals come in here: the stage is the scenario's first. */
  readonly isFirst?: boolean;
  /** Messages stored earlier are not the scenario's. RFC 3339. */
  readonly createdAt: string;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
}

/** A topic that a stage read before its scenario was replaced: what was stored up to `untilSeq` is still its to process. */
export interface FormerTopic {
  readonly topic: string;
  readonly untilSeq: number;
}

const CONSUMER_NOT_FOUND = 10014;

/**
 * Makes the durable consumer of a stage, or brings it to what is wanted. When the stage reads another topic than
 * before, what waits on the old one stays in the consumer until it is done with.
 *
 * @returns the topics that the stage still has to finish.
 * @throws BoxError `unavailable` when the bus does not answer or refuses.
 */
export async function ensureConsumer(
  manager: JetStreamManager,
  wanted: StageConsumer,
): Promise<readonly FormerTopic[]> {
  const name = consumerName(wanted.scenario, wanted.stage);
  try {
    let info = await consumerInfo(manager, name);
    if (info !== undefined && info.config.metadata?.created_at !== wanted.createdAt) {
      // The scenario was removed and put anew while nobody looked: its old place in the stream means nothing.
      await manager.consumers.delete(STREAM, name);
      info = undefined;
    }
    if (info === undefined) {
      await manager.consumers.add(STREAM, newConfig(wanted));
      return [];
    }
    return await updateConsumer(manager, info, wanted);
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot set up consumer ${name}: ${errorText(cause)}`, { cause });
  }
}

/** Removes a stage's consumer; one that is not there is fine. */
export async function removeConsumer(manager: JetStreamManager, name: string): Promise<void> {
  try {
    await manager.consumers.delete(STREAM, name);
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND)) throw error;
  }
}

/** The consumers of stages by name, with the scenario each belongs to. */
export async function stageConsumers(manager: JetStreamManager): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const info of manager.consumers.list(STREAM)) {
    const scenario = info.config.metadata?.scenario;
    if (scenario !== undefined) found.set(info.name, scenario);
  }
  return found;
}

async function consumerInfo(manager: JetStreamManager, name: string): Promise<ConsumerInfo | undefined> {
  try {
    return await manager.consumers.info(STREAM, name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === CONSUMER_NOT_FOUND) return undefined;
    throw error;
  }
}

async function updateConsumer(
  manager: JetStreamManager,
  info: ConsumerInfo,
  wanted: StageConsumer,
): Promise<readonly FormerTopic[]> {
  const former = await formerTopics(manager, info, wanted);
  const config = { ...metadataAndFilter(wanted, former), ...limits(wanted) };
  const same =
    sameSet(info.config.filter_subjects ?? [], config.filter_subjects) &&
    info.config.metadata?.in_topic === config.metadata.in_topic &&
    info.config.metadata?.former === config.metadata.former &&
    info.config.ack_wait === config.ack_wait &&
    info.config.max_ack_pending === config.max_ack_pending;
  if (!same) await manager.consumers.update(STREAM, info.name, config);
  return former;
}

async function formerTopics(
  manager: JetStreamManager,
  info: ConsumerInfo,
  { inTopic }: StageConsumer,
): Promise<FormerTopic[]> {
  const floor = info.ack_floor.stream_seq;
  const isIdle = info.num_pending === 0 && info.num_ack_pending === 0;
  const former = parseFormer(info.config.metadata?.former).filter(
    ({ topic, untilSeq }) => topic !== inTopic && !isIdle && untilSeq > floor,
  );
  const before = info.config.metadata?.in_topic;
  if (before !== undefined && before !== inTopic) {
    // Also when it seems idle: a message that was stored a moment ago is not counted yet.
    const { state } = await manager.streams.info(STREAM);
    former.push({ topic: before, untilSeq: state.last_seq });
  }
  return former;
}

/** Written by `metadataAndFilter` alone. */
function parseFormer(text: string | undefined): FormerTopic[] {
  return text === undefined ? [] : (JSON.parse(text) as FormerTopic[]);
}

function metadataAndFilter(wanted: StageConsumer, former: readonly FormerTopic[]) {
  const topics = [wanted.inTopic, ...new Set(former.map(({ topic }) => topic))];
  return {
    filter_subjects: [
      ...topics.flatMap((topic) => [topic, `${topic}.>`, ...(wanted.isFirst ? entranceSubjects(topic) : [])]),
      stageSubject(wanted.scenario, wanted.stage, '*'),
    ],
    metadata: {
      scenario: wanted.scenario,
      stage: wanted.stage,
      created_at: wanted.createdAt,
      in_topic: wanted.inTopic,
      former: JSON.stringify(former),
    },
  };
}

function limits({ ackWaitMs, maxAckPending }: StageConsumer) {
  return { ack_wait: nanos(ackWaitMs), max_ack_pending: maxAckPending };
}

function newConfig(wanted: StageConsumer): Partial<ConsumerConfig> {
  return {
    durable_name: consumerName(wanted.scenario, wanted.stage),
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: wanted.createdAt,
    // The connector counts what a function refuses; the server must never give up on a message by itself.
    max_deliver: -1,
    ...limits(wanted),
    ...metadataAndFilter(wanted, []),
  };
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && b.every((item) => a.includes(item));
}
