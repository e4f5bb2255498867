import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import { sharedNats, uniqueName } from '../../support/servers.ts';
import { testStateStore } from './state-store-contract.ts';

describe('StateStore on NATS', () => {
  let connection: NatsConnection;
  const MIB = 1024 * 1024;

  before(async () => {
    connection = await connectNats({ url: (await sharedNats()).url, name: 'test' });
  });

  after(() => connection.close());

  testStateStore(() => openNatsStateStore(connection, { bucket: uniqueName(), maxBytes: 8 * MIB }));

  it('finds what another process kept in the bucket', async () => {
    const bucket = uniqueName();
    const first = await openNatsStateStore(connection, { bucket, maxBytes: MIB });
    await first.save([{ key: 'a', value: 'kept', revision: 0 }]);
    const second = await openNatsStateStore(connection, { bucket, maxBytes: MIB });
    assert.equal((await second.load(['a'])).get('a')?.value, 'kept');
  });

  it('says storage_full when the bucket has no room', async () => {
    const store = await openNatsStateStore(connection, { bucket: uniqueName(), maxBytes: 4096 });
    const value = 'x'.repeat(3000);
    await store.save([{ key: 'a', value, revision: 0 }]);
    await assert.rejects(store.save([{ key: 'b', value, revision: 0 }]), { code: 'storage_full' });
  });

  it('makes a bucket anew that the server has lost', async () => {
    const bucket = uniqueName();
    const store = await openNatsStateStore(connection, { bucket, maxBytes: MIB });
    const manager = await jetstreamManager(connection);
    await manager.streams.delete(`KV_${bucket}`);
    await assert.rejects(store.load(['a']), { code: 'unavailable' });
    assert.deepEqual(await store.save([{ key: 'a', value: 1, revision: 0 }]), ['written']);
    assert.equal((await store.load(['a'])).get('a')?.value, 1);
  });

  it('lets go of what was written with a TTL, and takes it anew', async () => {
    const store = await openNatsStateStore(connection, { bucket: uniqueName(), maxBytes: MIB });
    await store.save([{ key: 'a', value: 1, revision: 0, ttlMs: 1000 }]);
    const key = async () => (await store.load(['a'])).get('a');
    while ((await key())?.value !== undefined) await connection.rtt();
    const { revision = -1 } = (await key()) ?? {};
    assert.deepEqual(await store.save([{ key: 'a', value: 2, revision }]), ['written']);
    assert.equal((await key())?.value, 2);
  });
});
