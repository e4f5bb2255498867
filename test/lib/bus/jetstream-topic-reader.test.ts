import assert from 'node:assert/strict';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { ensureStreams } from '#lib/bus/jetstream-streams.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { STREAM } from '#lib/bus/subjects.ts';
import type { ReadOptions } from '#lib/bus/topic-reader.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

const LIMITS = { maxBytes: 16 * 1024 * 1024, maxDeadBytes: 1024 * 1024, duplicateWindowMs: 60_000 };

const COUNT = 3000;

describe('TopicReader', () => {
  let dataDir: string;
  let nats: NatsServer;
  let connection: NatsConnection;

  before(async () => {
    dataDir = await temporaryFolder('topic-reader');
    nats = await startNats({ dataDir });
    connection = await connectNats({ url: nats.url, name: 'test' });
    await ensureStreams(await jetstreamManager(connection), ['read'], LIMITS);
    const js = jetstream(connection);
    await Promise.all(Array.from({ length: COUNT }, (_, i) => js.publish('read', String(i))));
  });

  after(async () => {
    await connection.close();
    await nats.stop();
  });

  const read = (options: Partial<ReadOptions>) =>
    openJetStreamTopicReader(connection).read('read', { from: { seq: 1 }, until: 'end', ...options });
  const last = () => openJetStreamTopicReader(connection).lastSeq();
  const consumers = async () => {
    const { state } = await (await jetstreamManager(connection)).streams.info(STREAM);
    return state.consumer_count;
  };

  it('reads to the end what is stored when it begins, and leaves nothing behind', async () => {
    let count = 0;
    for await (const { body } of read({})) assert.equal(Buffer.from(body).toString(), String(count++));
    assert.equal(count, COUNT);
    for await (const _ of read({ from: { seq: (await last()) + 1 } })) assert.fail('there is nothing to read');
    assert.equal(await consumers(), 0);
  });

  it('reads no further ahead than it has to, however slow its reader is', async () => {
    const before = connection.stats().inMsgs;
    for await (const _ of read({ until: 'never' })) {
      await connection.flush();
      await consumers();
      break;
    }
    assert.ok(connection.stats().inMsgs - before < 200);
  });

  it('goes on by itself when the server was away', async () => {
    const stop = new AbortController();
    const from = await last();
    const seen: number[] = [];
    for await (const { seq } of read({ from: { seq: from }, until: 'never', signal: stop.signal })) {
      seen.push(seq);
      if (seen.length === 1) {
        await nats.kill();
        nats = await startNats({ dataDir, port: nats.port });
        void jetstream(connection).publish('read', 'after', { retries: 20 });
      } else stop.abort();
    }
    assert.deepEqual(seen, [from, from + 1]);
  });

  it('ends, too, when what it has still to read is trimmed meanwhile', async () => {
    const manager = await jetstreamManager(connection);
    let count = 0;
    for await (const _ of read({})) {
      if (++count === 1) await manager.streams.purge(STREAM);
    }
    assert.ok(count > 0 && count < COUNT, String(count));
  });
});
