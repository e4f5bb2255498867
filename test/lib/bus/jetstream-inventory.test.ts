import assert from 'node:assert/strict';
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { readBusInventory } from '#lib/bus/jetstream-inventory.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { STREAM } from '#lib/bus/subjects.ts';
import { startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

describe('readBusInventory', () => {
  it('tells how far stages are, and not those who only listen', async () => {
    const server = await startNats({ dataDir: await temporaryFolder('inventory') });
    const nats = await connectNats({ url: server.url, name: 'test' });
    try {
      const manager = await jetstreamManager(nats);
      await manager.streams.add({ name: STREAM, subjects: ['in'] });
      await manager.consumers.add(STREAM, { durable_name: 'stage', ack_policy: AckPolicy.Explicit });
      await manager.consumers.add(STREAM, { name: 'listener', ack_policy: AckPolicy.None });
      await manager.jetstream().publish('in', 'signal');
      let inventory = await readBusInventory(nats);
      // A consumer counts a message a moment after it was stored.
      while (inventory.consumers[0]?.waiting === 0) inventory = await readBusInventory(nats);
      const { consumers, streams } = inventory;
      assert.deepEqual(consumers, [{ name: 'stage', waiting: 1, inProgress: 0, redelivered: 0 }]);
      assert.equal(streams.topics?.messages, 1);
      assert.equal(streams.dead, undefined);
    } finally {
      await nats.close();
      await server.stop();
    }
  });
});
