import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { openStageQueue } from '#lib/bus/jetstream-stage-queue.ts';
import { openJetStreamStatusWriter, type StatusWriter } from '#lib/bus/jetstream-stage-status.ts';
import { ensureStreams, type StreamLimits } from '#lib/bus/jetstream-streams.ts';
import { ensureRelay, relayTimers } from '#lib/bus/jetstream-timers.ts';
import type { HistoryLimits } from '#lib/bus/jetstream-trim.ts';
import { checkAnswers } from '#lib/bus/nats-connection.ts';
import { openStoredPublish } from '#lib/bus/stored-publish.ts';
import { consumerName } from '#lib/bus/subjects.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { ScenarioFeed } from '#lib/scenario/scenario-store.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import type { SourceFeed } from '#lib/source/source-store.ts';
import { openBusKeeper } from './bus-keeper.ts';
import { openEntrance } from './entrance.ts';
import { openFunctionForms } from './function-forms.ts';
import { openInvoker } from './invoker.ts';
import type { ConnectorMetrics } from './metrics.ts';
import { openOutputPublisher } from './output-publisher.ts';
import { openScenarioRunner } from './scenario-runner.ts';
import type { SourceLoginOptions } from './source-logins.ts';
import type { StagePlan } from './stage-plan.ts';
import { openStageProgress, type StageProgress } from './stage-progress.ts';
import { startStageWorker } from './stage-worker.ts';

export interface ConnectorParts {
  readonly connection: NatsConnection;
  readonly feed: ScenarioFeed;
  /** Where there are none, nobody is known. */
  readonly sources?: SourceFeed;
  /** How sources log in at NATS and MQTT; where left out, nats-server decides alone who may. */
  readonly logins?: SourceLoginOptions;
  readonly gatewayUrl: string;
  readonly secrets: SecretFiles;
  readonly log: Log;
  readonly metrics: ConnectorMetrics;
  readonly limits: ConnectorLimits;
}

export interface ConnectorLimits {
  readonly streams: StreamLimits;
  readonly history: HistoryLimits;
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly invocationTimeoutMs: number;
  /** How often an event may fail before it is put among the dead letters. */
  readonly maxDeliver: number;
}

export interface Connector {
  /** Rejects with the reason when the connector cannot do its work. */
  health(): Promise<void>;
  /** Ends; batches in flight are finished unless that takes longer than `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const TRIM_EVERY_MS = 10_000;
const RESTORE_EVERY_MS = 60_000;
const REPORT_EVERY_MS = 1000;
const HEALTH_TIMEOUT_MS = 2000;
/** What a message's deadline exceeds a call by; a call in flight renews it anyway. */
const ACK_MARGIN_MS = 15_000;

/**
 * Opens the connector: from then on it works on every scenario that the feed tells of.
 *
 * @throws BoxError `unavailable` when the bus cannot be set up.
 */
export async function openConnector(parts: ConnectorParts): Promise<Connector> {
  const { connection, log, limits, metrics } = parts;
  const manager = await jetstreamManager(connection).catch((cause: unknown) => {
    throw new BoxError('unavailable', `Cannot use JetStream: ${errorText(cause)}`, { cause });
  });
  await ensureStreams(manager, [], limits.streams);
  const stored = openStoredPublish(connection);
  const status = await openJetStreamStatusWriter(connection);
  const earlier = new Map(
    (await status.lastReports()).map((report) => [consumerName(report.scenario, report.stage), report]),
  );
  const keeper = openBusKeeper({ manager, limits: limits.streams, history: limits.history, metrics, log });
  const invoker = openInvoker({
    gatewayUrl: parts.gatewayUrl,
    timeoutMs: limits.invocationTimeoutMs,
    secrets: parts.secrets,
    log,
    metrics,
  });
  const forms = openFunctionForms();
  const entrance = await openEntrance({ ...parts, stored });
  const progresses = new Set<StageProgress>();
  const report = () => reportAll(progresses, status, log);
  const ackWaitMs = limits.invocationTimeoutMs + ACK_MARGIN_MS;

  const startWorker = (plan: StagePlan) => {
    const { scenarioId, stage } = plan;
    const name = consumerName(scenarioId, stage);
    const last = earlier.get(name);
    // A scenario that is put anew later counts from nought.
    earlier.delete(name);
    const progress = openStageProgress(plan, { log, metrics, earlier: last, onStateChange: report });
    progresses.add(progress);
    const outputs = openOutputPublisher({
      connection,
      stored,
      duplicateWindowMs: limits.streams.duplicateWindowMs,
      onTrouble: progress.trouble,
      onFull: () => attempt(keeper.makeRoom),
      onNoStream: (topic) => attempt(() => keeper.addTopics(topic.startsWith('thebox.') ? [] : [topic])),
    });
    const worker = startStageWorker(plan, {
      invoker,
      forms,
      outputs,
      admission: entrance.admission,
      progress,
      log,
      maxDeliver: limits.maxDeliver,
      onCall: metrics.call,
      openQueue: () =>
        openStageQueue({
          connection,
          manager,
          consumer: name,
          maxBatchEvents: limits.maxBatchEvents,
          maxBatchBytes: limits.maxBatchBytes,
          ackWaitMs,
          onLost: () => runner.restore(scenarioId),
        }),
    });
    return {
      apply: worker.apply,
      async stop(graceMs: number) {
        await worker.stop(graceMs);
        progresses.delete(progress);
        // What was done since the last report is counted when somebody goes on from it.
        await reportAll([progress], status, log);
      },
    };
  };
  const runner = openScenarioRunner({
    manager,
    keeper,
    status,
    log,
    startWorker,
    ackWaitMs,
    maxBatchBytes: limits.maxBatchBytes,
    maxAckPending: 4 * limits.maxBatchEvents,
    onStages: metrics.stagesRunning,
    onRemoved: entrance.forget,
  });

  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (!connection.isClosed()) log.warn({ err: error }, 'the bus could not be tidied up');
    }
  };

  const following = new AbortController();
  let isCaughtUp = false;
  const follow = async () => {
    for await (const change of parts.feed.follow(following.signal)) {
      if (change === 'caught-up') {
        isCaughtUp = true;
        runner.caughtUp();
      } else runner.change(change.id, change.record);
    }
  };
  const followed = follow().catch((error: unknown) => log.error({ err: error }, 'the scenarios cannot be followed'));
  const relayed = await relayTimers(connection, manager, stored, (error) => log.warn({ err: error }, 'a timer waits'));
  // A bus that comes back without its data gets everything anew.
  void onReconnect(connection, () =>
    attempt(async () => {
      await ensureStreams(manager, [], limits.streams);
      await ensureRelay(manager);
      await status.ensure();
      for (const progress of progresses) progress.keepReport();
      runner.restore();
    }),
  );
  const timers = [
    setInterval(() => void attempt(keeper.trim), TRIM_EVERY_MS),
    setInterval(() => runner.restore(), RESTORE_EVERY_MS),
    setInterval(report, REPORT_EVERY_MS),
  ];

  return {
    async health() {
      if (connection.isClosed()) throw new BoxError('unavailable', 'Cannot work: the connection to NATS is closed');
      await checkAnswers(connection, HEALTH_TIMEOUT_MS);
      if (!isCaughtUp) throw new BoxError('unavailable', 'Cannot work: the scenarios could not be read yet');
    },
    async close(graceMs) {
      for (const timer of timers) clearInterval(timer);
      following.abort();
      await relayed.close();
      await Promise.all([runner.stop(graceMs), entrance.stopFollowing()]);
      await followed;
      await entrance.close();
      stored.close();
      await invoker.close();
    },
  };
}

async function reportAll(
  progresses: Iterable<StageProgress>,
  status: Pick<StatusWriter, 'writeStage' | 'ensure'>,
  log: Log,
): Promise<void> {
  for (const progress of progresses) {
    const due = progress.takeReport();
    if (due === undefined) continue;
    try {
      await status.writeStage(due);
    } catch (error) {
      progress.keepReport();
      log.debug({ err: error }, 'the status could not be written');
      // Its place may be lost, and the bus not ready to make it when the connection came back: tried at every report.
      await status.ensure().catch((cause: unknown) => log.debug({ err: cause }, 'the status has no place'));
      return;
    }
  }
}

async function onReconnect(connection: NatsConnection, restore: () => Promise<void>): Promise<void> {
  for await (const status of connection.status()) if (status.type === 'reconnect') await restore();
}
