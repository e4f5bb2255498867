import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { openJetStreamPublisher } from '#lib/bus/jetstream-publisher.ts';
import { ensureStreams, keepSubjects } from '#lib/bus/jetstream-streams.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { Publisher } from '#lib/bus/publisher.ts';
import { STREAM, streamSubjects } from '#lib/bus/subjects.ts';
import type { TopicMessage, TopicReader } from '#lib/bus/topic-reader.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { temporaryFolder } from '../../support/servers.ts';

const LIMITS = { maxBytes: 1024 * 1024, maxDeadBytes: 1024 * 1024, duplicateWindowMs: 60_000 };

describe('Publisher and TopicReader on JetStream', () => {
  let server: NatsServer;
  let connection: NatsConnection;
  let publisher: Publisher;
  let reader: TopicReader;

  before(async () => {
    server = await startNats({ dataDir: await temporaryFolder('bus') });
    connection = await connectNats({ url: server.url, name: 'test' });
    publisher = openJetStreamPublisher(connection);
    reader = openJetStreamTopicReader(connection);
  });

  after(async () => {
    publisher.close();
    await connection.close();
    await server.stop();
  });

  const all = async (topic: string): Promise<TopicMessage[]> => {
    const found: TopicMessage[] = [];
    for await (const message of reader.read(topic, { from: { seq: 1 }, until: 'end' })) found.push(message);
    return found;
  };

  it('publish says not_found when no stream takes the topic', async () => {
    await assert.rejects(publisher.publish('nobody', { attributes: {}, body: Buffer.from('x') }), {
      code: 'not_found',
    });
  });

  it('publish resolves with the place in the stream, and a reader finds the message with its attributes', async () => {
    await ensureStreams(await jetstreamManager(connection), ['door'], LIMITS);
    const attributes = { id: 'ä 1', source: 'cam', type: 'thebox.signal', datacontenttype: 'text/plain' };
    const first = await publisher.publish('door.cam', { attributes, body: Buffer.from('hello') });
    const second = await publisher.publish('door', { attributes: {}, body: Buffer.from('again') });
    assert.equal(second.seq, first.seq + 1);
    const [one, two] = await all('door');
    assert.deepEqual(one?.attributes, { specversion: '1.0', ...attributes });
    assert.equal(Buffer.from(one?.body ?? []).toString(), 'hello');
    assert.equal(one?.subject, 'door.cam');
    assert.deepEqual(two?.attributes, {});
    assert.equal(await reader.lastSeq(), second.seq);
  });

  it('publish keeps one message of those with the same id, and says that the second was a duplicate', async () => {
    await ensureStreams(await jetstreamManager(connection), ['twice'], LIMITS);
    const message = { attributes: {}, body: Buffer.from('x'), messageId: 'one' };
    const first = await publisher.publish('twice', message);
    assert.deepEqual(await publisher.publish('twice', message), { seq: first.seq, duplicate: true });
    assert.equal((await all('twice')).length, 1);
  });

  it('publish refuses what is larger than the bus takes, and a topic with a wildcard', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024 + 1);
    await assert.rejects(publisher.publish('twice', { attributes: {}, body }), { code: 'too_large' });
    await assert.rejects(publisher.publish('a.*', { attributes: {}, body: Buffer.alloc(1) }), {
      code: 'invalid_argument',
    });
  });

  it('publish says storage_full and when to try again when the stream is full', async () => {
    await ensureStreams(await jetstreamManager(connection), ['full'], LIMITS);
    const publish = () => publisher.publish('full', { attributes: {}, body: Buffer.alloc(200_000) });
    const error: unknown = await Promise.all(Array.from({ length: 8 }, publish)).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof BoxError);
    assert.equal(error.code, 'storage_full');
    assert.ok((error.retryAfterSeconds ?? 0) > 0);
  });

  it('read goes on with what is published later, until it is told to stop', async () => {
    await ensureStreams(await jetstreamManager(connection), ['live'], { ...LIMITS, maxBytes: 64 * 1024 * 1024 });
    const stop = new AbortController();
    const seen: string[] = [];
    await publisher.publish('live', { attributes: {}, body: Buffer.from('0') });
    for await (const message of reader.read('live', { from: { seq: 1 }, until: 'never', signal: stop.signal })) {
      seen.push(Buffer.from(message.body).toString());
      if (seen.length === 3) stop.abort();
      else await publisher.publish(`live.s${seen.length}`, { attributes: {}, body: Buffer.from(String(seen.length)) });
    }
    assert.deepEqual(seen, ['0', '1', '2']);
  });

  it('ensureStreams only adds subjects, keepSubjects takes away those of topics that are no more', async () => {
    const manager = await jetstreamManager(connection);
    const subjects = async () => (await manager.streams.info(STREAM)).config.subjects;
    await ensureStreams(manager, ['extra'], LIMITS);
    const added = await subjects();
    assert.ok(['door', 'door.>', 'extra', 'extra.>'].every((subject) => added.includes(subject)));
    await keepSubjects(manager, ['extra']);
    assert.deepEqual(await subjects(), streamSubjects(['extra']));
  });
});
