import { isDeepStrictEqual } from 'node:util';
import type { JetStreamManager } from '@nats-io/jetstream';
import { ensureConsumer, type FormerTopic, removeConsumer } from '#lib/bus/jetstream-consumers.ts';
import type { StatusWriter } from '#lib/bus/jetstream-stage-status.ts';
import { dropTimers } from '#lib/bus/jetstream-timers.ts';
import { consumerName, isTopic } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { type ConsumerDefinition, consumersOf, type ScenarioRecord, type Stage } from '#lib/scenario/scenario.ts';
import { openBackoff } from './backoff.ts';
import type { BusKeeper } from './bus-keeper.ts';
import type { EntrancePolicy, StagePlan } from './stage-plan.ts';
import type { StageWorker } from './stage-worker.ts';

/** Brings what runs to what the scenarios say. */
export interface ScenarioRunner {
  /** The scenario is like this now; `undefined`: it is no more. Resolves at once, the work is done in the background. */
  change(id: string, record: ScenarioRecord | undefined): void;
  /** Every scenario was told of: what belongs to none of them goes. */
  caughtUp(): void;
  /** Sets up again what the bus has lost, of one scenario or of all. */
  restore(id?: string): void;
  /** Ends every stage; a batch in flight is finished unless that takes longer than `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface ScenarioRunnerParts {
  readonly manager: JetStreamManager;
  readonly keeper: BusKeeper;
  readonly status: StatusWriter;
  readonly log: Log;
  readonly maxBatchBytes: number;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly startWorker: (plan: StagePlan) => StageWorker;
  readonly onStages: (count: number) => void;
  /** The scenario is no more. */
  readonly onRemoved: (scenario: string) => void;
}

/** How long a stage that is no more wanted may take to finish its batch. */
const REMOVE_GRACE_MS = 2000;
const BACKOFF = { firstMs: 200, maxMs: 10_000 };

interface Running {
  /** What the scenario should be like; changes while it is being applied. */
  wanted: ScenarioRecord | undefined;
  isDue: boolean;
  isBusy: boolean;
  /** What it is like, for the topics that it still uses. */
  current: ScenarioRecord | undefined;
  readonly workers: Map<Stage, { readonly worker: StageWorker; plan: StagePlan }>;
}

export function openScenarioRunner(parts: ScenarioRunnerParts): ScenarioRunner {
  const scenarios = new Map<string, Running>();
  const stopping = new AbortController();
  let isComplete = false;
  const work = new Set<Promise<void>>();

  const kick = (id: string) => {
    const running = scenarios.get(id);
    if (running === undefined || running.isBusy || stopping.signal.aborted) return;
    const task = settle(id, running).finally(() => work.delete(task));
    work.add(task);
  };

  /** Applies what is wanted until nothing is due, trying again for as long as it takes. */
  const settle = async (id: string, running: Running) => {
    running.isBusy = true;
    const backoff = openBackoff(BACKOFF);
    while (running.isDue && !stopping.signal.aborted) {
      running.isDue = false;
      try {
        await (running.wanted === undefined ? remove(id, running) : apply(running.wanted, running));
        if (isComplete) await keepOnlyWanted();
        backoff.reset();
      } catch (error) {
        running.isDue = true;
        parts.log.warn({ scenario: id, err: error }, 'cannot apply the scenario yet');
        await backoff.wait(stopping.signal);
      }
    }
    running.isBusy = false;
    if (running.wanted === undefined && !running.isDue) scenarios.delete(id);
    parts.onStages([...scenarios.values()].reduce((count, { workers }) => count + workers.size, 0));
  };

  const apply = async (record: ScenarioRecord, running: Running) => {
    const { id, rev, paused } = record;
    const stages = consumersOf(record.scenario);
    const bad = stages.flatMap(({ definition }) => topicsOfStage(definition)).find((topic) => !isTopic(topic));
    if (bad !== undefined) {
      const error = `topic ${bad} cannot be used on the bus`;
      await parts.status.writeScenario({ scenario: id, rev, paused, error });
      return;
    }
    await parts.keeper.addTopics(topicsInUse(scenarios.values()));
    // In the order of the pipeline: once a stage has changed, nothing comes on its former out_topic any more.
    for (const [i, { stage, definition }] of stages.entries()) {
      await applyStage(record, stage, definition, i === 0, running);
    }
    for (const [stage, { worker }] of running.workers) {
      if (!stages.some((each) => each.stage === stage)) await removeStage(id, stage, worker, running);
    }
    if (running.current === record) return;
    running.current = record;
    await parts.status.writeScenario({ scenario: id, rev, paused });
    parts.log.info({ scenario: id, rev, paused, stages: stages.map(({ stage }) => stage) }, 'applied');
  };

  const applyStage = async (
    record: ScenarioRecord,
    stage: Stage,
    definition: ConsumerDefinition,
    isFirst: boolean,
    running: Running,
  ) => {
    const { ackWaitMs, maxAckPending, maxBatchBytes } = parts;
    const formerTopics: readonly FormerTopic[] = await ensureConsumer(parts.manager, {
      scenario: record.id,
      stage,
      inTopic: definition.in_topic,
      isFirst,
      createdAt: record.createdAt,
      ackWaitMs,
      maxAckPending,
    });
    const plan: StagePlan = {
      scenarioId: record.id,
      rev: record.rev,
      stage,
      definition,
      paused: record.paused,
      maxBatchBytes,
      formerTopics,
      ...(isFirst && { entrance: entrancePolicy(record, definition, formerTopics) }),
    };
    const known = running.workers.get(stage);
    if (known === undefined) running.workers.set(stage, { worker: parts.startWorker(plan), plan });
    else if (!isDeepStrictEqual(known.plan, plan)) {
      await known.worker.apply(plan);
      known.plan = plan;
    }
  };

  const removeStage = async (id: string, stage: Stage, worker: StageWorker, running: Running) => {
    await worker.stop(REMOVE_GRACE_MS);
    running.workers.delete(stage);
    await removeConsumer(parts.manager, consumerName(id, stage));
    await parts.status.removeStage(id, stage);
  };

  const remove = async (id: string, running: Running) => {
    for (const [stage, { worker }] of running.workers) await removeStage(id, stage, worker, running);
    await dropTimers(parts.manager, id);
    parts.onRemoved(id);
    running.current = undefined;
    await parts.status.removeScenario(id);
    parts.log.info({ scenario: id }, 'removed');
  };

  const keepOnlyWanted = async () => {
    const ids = new Set([...scenarios].filter(([, { wanted }]) => wanted !== undefined).map(([id]) => id));
    await parts.keeper.keepOnly(topicsInUse(scenarios.values()), ids);
  };

  return {
    change(id, record) {
      const running = scenarios.get(id) ?? newRunning();
      running.wanted = record;
      running.isDue = true;
      scenarios.set(id, running);
      kick(id);
    },
    caughtUp() {
      if (isComplete) return;
      isComplete = true;
      const task = clean().finally(() => work.delete(task));
      work.add(task);
    },
    restore(id) {
      for (const [each, running] of scenarios) {
        if (id !== undefined && each !== id) continue;
        running.isDue = true;
        kick(each);
      }
    },
    async stop(graceMs) {
      stopping.abort();
      await Promise.all(work);
      const workers = [...scenarios.values()].flatMap((running) => [...running.workers.values()]);
      await Promise.all(workers.map(({ worker }) => worker.stop(graceMs)));
    },
  };

  /** What was left by scenarios that were removed while no connector ran. */
  async function clean(): Promise<void> {
    const backoff = openBackoff(BACKOFF);
    while (!stopping.signal.aborted) {
      try {
        await parts.keeper.addTopics(topicsInUse(scenarios.values()));
        await keepOnlyWanted();
        for (const report of await parts.status.lastReports()) {
          if (scenarios.has(report.scenario)) continue;
          await parts.status.removeStage(report.scenario, report.stage);
          await parts.status.removeScenario(report.scenario);
          await dropTimers(parts.manager, report.scenario);
        }
        return;
      } catch (error) {
        parts.log.warn({ err: BoxError.from(error) }, 'cannot tidy up the bus yet');
        await backoff.wait(stopping.signal);
      }
    }
  }
}

function entrancePolicy(
  { scenario }: ScenarioRecord,
  { in_topic }: ConsumerDefinition,
  formerTopics: readonly FormerTopic[],
): EntrancePolicy {
  const { unknown_sources, require_signature, notification_definition } = scenario.scenario_definition;
  return {
    topics: [in_topic, ...formerTopics.map(({ topic }) => topic)],
    unknownSources: unknown_sources ?? 'allow',
    requireSignature: require_signature ?? false,
    notificationTopic: notification_definition?.out_topic,
  };
}

function newRunning(): Running {
  return { wanted: undefined, isDue: false, isBusy: false, current: undefined, workers: new Map() };
}

function topicsOfStage({ in_topic, out_topic }: ConsumerDefinition): string[] {
  return out_topic === undefined ? [in_topic] : [in_topic, out_topic];
}

/** The topics of what the scenarios are and of what they are to become. */
function topicsInUse(scenarios: Iterable<Running>): string[] {
  const topics = new Set<string>();
  for (const { wanted, current } of scenarios) {
    for (const record of [wanted, current]) {
      if (record === undefined) continue;
      for (const { definition } of consumersOf(record.scenario)) {
        for (const topic of topicsOfStage(definition)) if (isTopic(topic)) topics.add(topic);
      }
    }
  }
  return [...topics];
}
