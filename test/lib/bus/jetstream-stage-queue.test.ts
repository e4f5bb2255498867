import assert from 'node:assert/strict';
import { AckPolicy, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/nats-core';
import { openStageQueue } from '#lib/bus/jetstream-stage-queue.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { StageMessage, StageQueue } from '#lib/bus/stage-queue.ts';
import { STREAM } from '#lib/bus/subjects.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { openSilentForwarder, type SilentForwarder } from '../../connector/silent-forwarder.ts';
import { temporaryFolder } from '../../support/servers.ts';

/** Far longer than the test may take: nothing comes because a deadline has passed. */
const NEVER_MS = 3_600_000;

describe('StageQueue on JetStream', () => {
  let nats: NatsServer;
  let forwarder: SilentForwarder;
  let sender: NatsConnection;
  let manager: JetStreamManager;
  let receiver: NatsConnection;
  let queue: StageQueue;

  before(async () => {
    nats = await startNats({ dataDir: await temporaryFolder('queue') });
    forwarder = await openSilentForwarder(nats.port);
    sender = await connectNats({ url: nats.url, name: 'sender' });
    manager = await jetstreamManager(sender);
    await manager.streams.add({ name: STREAM, subjects: ['in'] });
    const ack_wait = nanos(NEVER_MS);
    await manager.consumers.add(STREAM, { durable_name: 'stage', ack_policy: AckPolicy.Explicit, ack_wait });
    receiver = await connectNats({ url: `nats://${new URL(forwarder.url).host}`, name: 'receiver' });
    queue = await openStageQueue({
      connection: receiver,
      manager: await jetstreamManager(receiver),
      consumer: 'stage',
      maxBatchEvents: 10,
      maxBatchBytes: 1024 * 1024,
      ackWaitMs: NEVER_MS,
      onLost: () => undefined,
    });
  });

  after(async () => {
    queue?.close();
    await receiver?.close();
    await sender?.close();
    await forwarder?.close();
    await nats?.stop();
  });

  const send = async (count: number) => {
    for (let i = 0; i < count; i++) await manager.jetstream().publish('in', '');
  };
  const take = async (count: number): Promise<StageMessage[]> => {
    const taken: StageMessage[] = [];
    while (taken.length < count) taken.push(...((await queue.next(new AbortController().signal)) ?? []));
    return taken;
  };
  const seqs = (messages: readonly StageMessage[]) => messages.map(({ seq }) => seq);

  it('hands out in its place what was on its way when the connection was lost', async () => {
    await send(3);
    const [first, ...held] = await take(3);
    assert.ok(first !== undefined);
    queue.ack([first]);

    void forwarder.silence();
    await send(2);
    while ((await manager.consumers.info(STREAM, 'stage')).delivered.stream_seq < 5) await sender.flush();
    forwarder.heal();
    forwarder.cut();
    await send(1);

    const later = await take(3);
    assert.deepEqual([seqs([first]), seqs(held), seqs(later)], [[1], [2, 3], [4, 5, 6]]);
    queue.ack([...held, ...later]);
    const isDone = async () => (await manager.consumers.info(STREAM, 'stage')).ack_floor.stream_seq === 6;
    while (!(await isDone())) await sender.flush();
  });
});
