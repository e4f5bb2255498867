import type { NatsConnection } from '@nats-io/nats-core';
import { openJetStreamQuarantine } from '#lib/bus/jetstream-quarantine.ts';
import { openJetStreamStatusReader } from '#lib/bus/jetstream-stage-status.ts';
import { checkAnswers, connectNats, type NatsOptions } from '#lib/bus/nats-connection.ts';
import type { Quarantine } from '#lib/bus/quarantine.ts';
import type { StatusReader } from '#lib/bus/stage-status.ts';
import { SOURCE_CHANGED_SUBJECT } from '#lib/bus/subjects.ts';
import { openTallyStore, readTally, type SourceTally } from '#lib/source/source-tally.ts';
import type { StateStore } from '#lib/state/state-store.ts';

/** What the orchestrator asks of the bus, and what it says there. */
export interface BusOnDemand {
  readonly status: StatusReader;
  quarantine(): Promise<Quarantine>;
  /** What came from the sources that sent anything, by id. */
  tallies(): Promise<ReadonlyMap<string, SourceTally>>;
  /** Tells that a source is another now, and resolves once the server has it. */
  tellSourceChanged(id: string): Promise<void>;
  close(): Promise<void>;
}

const TELL_TIMEOUT_MS = 2000;

interface Connected {
  readonly connection: NatsConnection;
  readonly reader: StatusReader;
  readonly quarantine: Quarantine;
  readonly tallies: StateStore;
}

/**
 * A bus that is connected to when it is first needed, and again with the next question where that failed: scenarios and
 * sources can be kept while the bus is away.
 */
export function openBusOnDemand(options: NatsOptions): BusOnDemand {
  let connecting: Promise<Connected> | undefined;
  const connected = async (): Promise<Connected> => {
    connecting ??= connect(options);
    try {
      return await connecting;
    } catch (error) {
      connecting = undefined;
      throw error;
    }
  };
  return {
    status: {
      stages: async () => (await connected()).reader.stages(),
      waitApplied: async (id, rev, timeoutMs) => (await connected()).reader.waitApplied(id, rev, timeoutMs),
    },
    quarantine: async () => (await connected()).quarantine,
    async tallies() {
      const entries = [...(await (await connected()).tallies.list(''))];
      return new Map(entries.map(([id, { value }]) => [id, readTally(value)]));
    },
    async tellSourceChanged(id) {
      const { connection } = await connected();
      connection.publish(SOURCE_CHANGED_SUBJECT, id);
      // While the connection is lost, it is told as soon as it is back.
      await checkAnswers(connection, TELL_TIMEOUT_MS);
    },
    async close() {
      const [settled] = await Promise.allSettled([connecting]);
      if (settled.status !== 'fulfilled' || settled.value === undefined) return;
      settled.value.quarantine.close();
      await settled.value.connection.close();
    },
  };
}

async function connect(options: NatsOptions): Promise<Connected> {
  const connection = await connectNats({ ...options, atFirst: 'fail' });
  try {
    return {
      connection,
      reader: await openJetStreamStatusReader(connection),
      quarantine: await openJetStreamQuarantine(connection),
      tallies: await openTallyStore(connection),
    };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
