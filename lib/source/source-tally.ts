import type { NatsConnection } from '@nats-io/nats-core';
import type { Stage } from '../scenario/scenario.ts';
import { openNatsStateStore } from '../state/nats-state-store.ts';
import type { StateStore } from '../state/state-store.ts';

/** What came from a source for one scenario. The connector alone counts, as everything passes it. */
export interface ScenarioTally {
  /** The scenario's first stage, where signals come in. */
  readonly stage: Stage;
  readonly signals: number;
  readonly bytes: number;
  /** When the last signal was stored, milliseconds since 1970. */
  readonly lastSeenMs: number;
  /** The last signal's place in the stream: one that comes again is not counted again. */
  readonly seq: number;
  /** Signals that were refused. */
  readonly refused: number;
  /** Days since 1970 in UTC, and what came in that day. */
  readonly day: number;
  readonly dayBytes: number;
  /** Whether its silence was told. */
  readonly isSilent: boolean;
}

/** What came from a source, by scenario. */
export type SourceTally = Readonly<Record<string, ScenarioTally>>;

const BUCKET = 'thebox_sources';
const BUCKET_BYTES = 64 * 1024 * 1024;

/** Opens the place of the tallies: one value for each source, by its id. */
export function openTallyStore(connection: NatsConnection): Promise<StateStore> {
  return openNatsStateStore(connection, { bucket: BUCKET, maxBytes: BUCKET_BYTES });
}

/** Written by the connector alone: that it is one of its values is enough to know. */
export function readTally(value: unknown): SourceTally {
  return typeof value === 'object' && value !== null ? (value as SourceTally) : {};
}

export function dayOf(ms: number): number {
  return Math.floor(ms / 86_400_000);
}
