import type { NatsConnection } from '@nats-io/nats-core';
import { openJetStreamStatusReader } from '#lib/bus/jetstream-stage-status.ts';
import { connectNats, type NatsOptions } from '#lib/bus/nats-connection.ts';
import type { StatusReader } from '#lib/bus/stage-status.ts';

export interface OpenedStatusReader extends StatusReader {
  close(): Promise<void>;
}

interface Connected {
  readonly connection: NatsConnection;
  readonly reader: StatusReader;
}

/**
 * A status reader that connects when it is first asked, and tries again with the next question where that failed:
 * scenarios can be kept while the bus is away.
 */
export function openStatusOnDemand(options: NatsOptions): OpenedStatusReader {
  let connecting: Promise<Connected> | undefined;
  const reader = async (): Promise<StatusReader> => {
    connecting ??= connect(options);
    try {
      return (await connecting).reader;
    } catch (error) {
      connecting = undefined;
      throw error;
    }
  };
  return {
    stages: async () => (await reader()).stages(),
    waitApplied: async (id, rev, timeoutMs) => (await reader()).waitApplied(id, rev, timeoutMs),
    async close() {
      const [connected] = await Promise.allSettled([connecting]);
      if (connected.status === 'fulfilled') await connected.value?.connection.close();
    },
  };
}

async function connect(options: NatsOptions): Promise<Connected> {
  const connection = await connectNats({ ...options, atFirst: 'fail' });
  try {
    return { connection, reader: await openJetStreamStatusReader(connection) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}
