import type { JetStreamManager } from '@nats-io/jetstream';
import { removeConsumer, stageConsumers } from '#lib/bus/jetstream-consumers.ts';
import { ensureStreams, keepSubjects, type StreamLimits, setMaxBytes } from '#lib/bus/jetstream-streams.ts';
import { type HistoryLimits, trimStream } from '#lib/bus/jetstream-trim.ts';
import type { Log } from '#lib/log/log.ts';
import type { ConnectorMetrics } from './metrics.ts';

/** Keeps the streams as they must be: their subjects and limits, and what is done with out of them. */
export interface BusKeeper {
  /** Makes sure that the bus takes these topics; none is taken away. */
  addTopics(topics: readonly string[]): Promise<void>;
  /** Brings the bus to exactly these topics and the consumers of these scenarios. */
  keepOnly(topics: readonly string[], scenarioIds: ReadonlySet<string>): Promise<void>;
  /** Drops what is processed and beyond the history that is kept. */
  trim(): Promise<void>;
  /** Makes room for what the connector has to publish into a full stream. */
  makeRoom(): Promise<void>;
}

export interface BusKeeperParts {
  readonly manager: JetStreamManager;
  readonly limits: StreamLimits;
  readonly history: HistoryLimits;
  readonly metrics: ConnectorMetrics;
  readonly log: Log;
}

/**
 * A full stream that holds nothing but signals would stand still: what is made of them finds no room, so they cannot be
 * acknowledged and dropped. The connector alone may go this far beyond the limit, until there is room again.
 */
const RESERVE = 0.25;

export function openBusKeeper({ manager, limits, history, metrics, log }: BusKeeperParts): BusKeeper {
  // Changes of the streams read their configuration first: one at a time.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => undefined);
    return result;
  };
  const trim = async () => {
    const trimmed = await trimStream(manager, history);
    metrics.trimmed(trimmed);
    if (trimmed > 0) log.debug({ messages: trimmed }, 'dropped what is processed');
  };
  return {
    addTopics: (topics) => inTurn(() => ensureStreams(manager, topics, limits)),
    keepOnly: (topics, scenarioIds) =>
      inTurn(async () => {
        await keepSubjects(manager, topics);
        for (const [name, scenario] of await stageConsumers(manager)) {
          if (!scenarioIds.has(scenario)) await removeConsumer(manager, name);
        }
      }),
    trim: () =>
      inTurn(async () => {
        await trim();
        await setMaxBytes(manager, limits.maxBytes);
      }),
    makeRoom: () =>
      inTurn(async () => {
        await trim();
        await setMaxBytes(manager, Math.floor(limits.maxBytes * (1 + RESERVE)));
      }),
  };
}
