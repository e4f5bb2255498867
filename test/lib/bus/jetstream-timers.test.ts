import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { ensureStreams } from '#lib/bus/jetstream-streams.ts';
import { timerMessage } from '#lib/bus/jetstream-timers.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { openStoredPublish } from '#lib/bus/stored-publish.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

const LIMITS = { maxBytes: 8 * 1024 * 1024, maxDeadBytes: 1024 * 1024, duplicateWindowMs: 60_000 };

describe('timerMessage', () => {
  let nats: NatsServer;
  let connection: NatsConnection;

  before(async () => {
    nats = await startNats({ dataDir: await temporaryFolder('timers') });
    connection = await connectNats({ url: nats.url, name: 'test' });
    await ensureStreams(await jetstreamManager(connection), [], LIMITS);
  });

  after(async () => {
    await connection.close();
    await nats.stop();
  });

  it('is taken by the bus for every time that there is, with the time as it was asked for in its data', async () => {
    const publish = openStoredPublish(connection);
    const times = [
      '2200-01-01T00:00:00Z',
      '+010000-01-01T00:00:00Z',
      '+275760-09-13T00:00:00Z',
      '-000001-01-01T00:00:00Z',
    ];
    const timers = times.map((at, i) => timerMessage('s', 'ingestion', String(i), at));
    const outcomes = await publish.publish(timers, 5000);
    publish.close();
    assert.deepEqual(
      outcomes.filter((outcome) => outcome instanceof Error),
      [],
    );
    assert.deepEqual(
      timers.map(({ body }) => JSON.parse(String(body)).at),
      times,
    );
  });
});
