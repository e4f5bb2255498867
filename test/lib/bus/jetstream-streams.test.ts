import assert from 'node:assert/strict';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { ensureStreams } from '#lib/bus/jetstream-streams.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { DEAD_STREAM, STREAM } from '#lib/bus/subjects.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

const MIB = 1024 * 1024;
const LIMITS = { maxBytes: 8 * MIB, maxDeadBytes: MIB, duplicateWindowMs: 1000 };

describe('ensureStreams', () => {
  let server: NatsServer;
  let nats: NatsConnection;
  let manager: JetStreamManager;

  before(async () => {
    server = await startNats({ dataDir: await temporaryFolder('streams') });
    nats = await connectNats({ url: server.url, name: 'test' });
    manager = await jetstreamManager(nats);
  });

  after(async () => {
    await nats?.close();
    await server?.stop();
  });

  async function publish(): Promise<number> {
    return (await manager.jetstream().publish('in', 'signal')).seq;
  }

  it('goes on where it was when the streams are there, with more topics', async () => {
    await ensureStreams(manager, ['in'], LIMITS);
    const first = await publish();
    await ensureStreams(manager, ['also'], LIMITS);
    assert.equal(await publish(), first + 1);
    const { subjects } = (await manager.streams.info(STREAM)).config;
    assert.ok(['in', 'also'].every((topic) => subjects.includes(topic)));
  });

  it('makes a stream that was deleted anew above all sequences that it had: states are kept by sequence', async () => {
    await ensureStreams(manager, ['in'], LIMITS);
    const before = await publish();
    await manager.streams.delete(STREAM);
    await ensureStreams(manager, ['in'], LIMITS);
    assert.ok((await publish()) > before);
  });

  it('is done by two at once', async () => {
    for (const name of [STREAM, DEAD_STREAM]) await manager.streams.delete(name);
    await Promise.all([1, 2, 3].map(() => ensureStreams(manager, ['in'], LIMITS)));
    await publish();
    assert.equal((await manager.streams.info(STREAM)).state.messages, 1);
    assert.equal((await manager.streams.info(DEAD_STREAM)).state.messages, 0);
  });
});
