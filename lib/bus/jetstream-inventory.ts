import {
  AckPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamInfo,
} from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { BoxError, errorText } from '../error/box-error.ts';
import { DEAD_STREAM, QUARANTINE_STREAM, STREAM, TIMER_STREAM } from './subjects.ts';

/** How full one of the system's streams is. */
export interface StreamFacts {
  readonly name: string;
  readonly messages: number;
  readonly bytes: number;
  /** Undefined where the stream has no limit. */
  readonly maxBytes: number | undefined;
}

/** How far a stage's consumer is. */
export interface ConsumerFacts {
  readonly name: string;
  readonly waiting: number;
  readonly inProgress: number;
  readonly redelivered: number;
}

/** What lies on the bus, for those who look after it. */
export interface BusInventory {
  readonly serverVersion: string;
  /** Of all streams, on disk. */
  readonly storedBytes: number;
  readonly maxStoredBytes: number | undefined;
  /** By what they are for; undefined is not made yet, which is the connector's work. */
  readonly streams: Readonly<Record<'topics' | 'dead' | 'timers' | 'quarantine', StreamFacts | undefined>>;
  readonly consumers: readonly ConsumerFacts[];
}

const STREAM_NOT_FOUND = 10059;

/**
 * Counts what lies on the bus.
 *
 * @throws BoxError `unavailable` when JetStream does not answer, or is not enabled.
 */
export async function readBusInventory(connection: NatsConnection): Promise<BusInventory> {
  try {
    const manager = await jetstreamManager(connection);
    const { storage, limits } = await manager.getAccountInfo();
    const names = [STREAM, DEAD_STREAM, TIMER_STREAM, QUARANTINE_STREAM];
    const [topics, dead, timers, quarantine] = await Promise.all(names.map((name) => streamFacts(manager, name)));
    return {
      serverVersion: connection.info?.version ?? 'unknown',
      storedBytes: storage,
      maxStoredBytes: limits.max_storage > 0 ? limits.max_storage : undefined,
      streams: { topics, dead, timers, quarantine },
      consumers: topics === undefined ? [] : await consumerFacts(manager),
    };
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot look at JetStream: ${errorText(cause)}`, { cause });
  }
}

async function streamFacts(manager: JetStreamManager, name: string): Promise<StreamFacts | undefined> {
  let info: StreamInfo;
  try {
    info = await manager.streams.info(name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
  const { config, state } = info;
  const maxBytes = config.max_bytes > 0 ? config.max_bytes : undefined;
  return { name, messages: state.messages, bytes: state.bytes, maxBytes };
}

async function consumerFacts(manager: JetStreamManager): Promise<ConsumerFacts[]> {
  const facts: ConsumerFacts[] = [];
  for await (const info of manager.consumers.list(STREAM)) {
    const { name, config, num_pending, num_ack_pending, num_redelivered } = info;
    // Who only listens has nothing to be done with; some have gone already, and NATS keeps their place for minutes.
    if (config.ack_policy === AckPolicy.None) continue;
    facts.push({ name, waiting: num_pending, inProgress: num_ack_pending, redelivered: num_redelivered });
  }
  return facts;
}
