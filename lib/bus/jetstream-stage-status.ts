import { type ConsumerInfo, JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { STAGES } from '../scenario/scenario.ts';
import type { AppliedScenario, StageReport, StageStatus, StatusReader } from './stage-status.ts';
import { consumerName, STREAM, subjectToken } from './subjects.ts';

const BUCKET = 'thebox_status';
const STREAM_NOT_FOUND = 10059;

const stageKey = (scenario: string, stage: string) => `stage.${subjectToken(scenario)}.${stage}`;
const scenarioKey = (scenario: string) => `scenario.${subjectToken(scenario)}`;

/** Opens the connector's status for reading. */
export async function openJetStreamStatusReader(connection: NatsConnection): Promise<StatusReader> {
  const manager = await reported('read the status', () => jetstreamManager(connection));
  const bucket = await openBucket(connection);
  return {
    async stages() {
      const [reports, consumers] = await reported('read the status', () =>
        Promise.all([lastReports(bucket), consumersByName(manager)]),
      );
      return reports.map((report): StageStatus => {
        const consumer = consumers.get(consumerName(report.scenario, report.stage));
        return { ...report, waiting: consumer?.num_pending ?? 0, inProgress: consumer?.num_ack_pending ?? 0 };
      });
    },
    waitApplied: (scenarioId, rev, timeoutMs) => waitApplied(bucket, scenarioId, rev, timeoutMs),
  };
}

/** The connector's side: it alone writes. */
export interface StatusWriter {
  /** What was reported last, for the counts to go on from. */
  lastReports(): Promise<readonly StageReport[]>;
  writeStage(report: StageReport): Promise<void>;
  removeStage(scenario: string, stage: string): Promise<void>;
  writeScenario(applied: AppliedScenario): Promise<void>;
  removeScenario(scenario: string): Promise<void>;
  /** Makes the place of the status anew, where the bus has lost it. */
  ensure(): Promise<void>;
}

/** Opens the connector's status for writing. */
export async function openJetStreamStatusWriter(connection: NatsConnection): Promise<StatusWriter> {
  const bucket = await openBucket(connection);
  return {
    lastReports: () => lastReports(bucket),
    async writeStage(report) {
      await bucket.put(stageKey(report.scenario, report.stage), JSON.stringify(report));
    },
    removeStage: (scenario, stage) => bucket.purge(stageKey(scenario, stage)),
    async writeScenario(applied) {
      await bucket.put(scenarioKey(applied.scenario), JSON.stringify(applied));
    },
    removeScenario: (scenario) => bucket.purge(scenarioKey(scenario)),
    async ensure() {
      await openBucket(connection);
    },
  };
}

function openBucket(connection: NatsConnection): Promise<KV> {
  return reported('open the status', () =>
    new Kvm(connection).create(BUCKET, { history: 1, max_bytes: 16 * 1024 * 1024 }),
  );
}

async function lastReports(bucket: KV): Promise<StageReport[]> {
  const reports: StageReport[] = [];
  try {
    for await (const entry of await bucket.history({ key: 'stage.>' })) {
      if (entry.operation === 'PUT') reports.push(entry.json<StageReport>());
    }
  } catch (error) {
    // A bus that came back without its data: nothing is reported until the connector has made the place anew.
    if (!isStreamNotFound(error)) throw error;
  }
  return reports.sort(
    (a, b) => a.scenario.localeCompare(b.scenario) || STAGES.indexOf(a.stage) - STAGES.indexOf(b.stage),
  );
}

async function consumersByName(manager: JetStreamManager): Promise<Map<string, ConsumerInfo>> {
  const byName = new Map<string, ConsumerInfo>();
  try {
    for await (const info of manager.consumers.list(STREAM)) byName.set(info.name, info);
  } catch (error) {
    // Before the connector's first start there is no stream, and so no consumer.
    if (!isStreamNotFound(error)) throw error;
  }
  return byName;
}

function isStreamNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND;
}

async function waitApplied(bucket: KV, scenarioId: string, rev: string | undefined, timeoutMs: number): Promise<void> {
  const key = scenarioKey(scenarioId);
  const isDone = (entry: KvEntry | null): boolean => {
    const applied = entry?.operation === 'PUT' ? entry.json<AppliedScenario>() : undefined;
    if (applied?.rev !== rev) return false;
    if (applied?.error === undefined) return true;
    throw new BoxError('unprocessable', `Cannot apply scenario ${scenarioId}: ${applied.error}`);
  };
  const changes = await reported('read the status', () => bucket.watch({ key }));
  const timer = setTimeout(() => changes.stop(), timeoutMs);
  try {
    if (isDone(await reported('read the status', () => bucket.get(key)))) return;
    for await (const entry of changes) if (isDone(entry)) return;
  } finally {
    clearTimeout(timer);
    changes.stop();
  }
  throw new BoxError(
    'deadline_exceeded',
    `Cannot confirm scenario ${scenarioId}: the connector must apply it within ${timeoutMs} ms, and has not`,
  );
}

async function reported<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot ${what}: ${errorText(cause)}`, { cause });
  }
}
