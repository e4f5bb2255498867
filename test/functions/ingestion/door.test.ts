import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { ensureStreams } from '#lib/bus/jetstream-streams.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { TopicMessage } from '#lib/bus/topic-reader.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { open } from '../../../functions/ingestion/handler.ts';
import { type NatsServer, startNats } from '../../../local/server/nats.ts';
import { recordOf, scenarioOf } from '../../support/scenario.ts';
import { temporaryFolder } from '../../support/servers.ts';
import { post } from './call.ts';

const STREAM_BYTES = 2 * 1024 * 1024;

/** A server that answers `GET /function/orchestrator/scenario/{id}` as the orchestrator does. */
async function startScenarios(): Promise<{ server: Server; url: string }> {
  const ingestion = { in_topic: 'door.in', out_topic: 'door.features', data_descriptor: 'named' };
  const records = [
    recordOf(
      'full',
      parseScenario({ scenario_name: 'full', scenario_definition: { ingestion_definition: ingestion } }),
    ),
    { ...recordOf('plain', scenarioOf('plain')), paused: true },
    recordOf('idle', parseScenario({ scenario_name: 'idle', scenario_definition: {} })),
    recordOf('late', scenarioOf('late')),
  ];
  const server = createServer((request, response) => {
    const found = records.find(({ id }) => request.url === `/function/orchestrator/scenario/${id}`);
    response.writeHead(found ? 200 : 404, { 'content-type': `application/${found ? '' : 'problem+'}json` });
    response.end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('POST /signal/{scenario}[/{source}]', () => {
  let nats: NatsServer;
  let connection: NatsConnection;
  let scenarios: Server;
  let fn: OpenedFunction;

  before(async () => {
    nats = await startNats({ dataDir: await temporaryFolder('door') });
    connection = await connectNats({ url: nats.url, name: 'test' });
    const limits = { maxBytes: STREAM_BYTES, maxDeadBytes: 1024 * 1024, duplicateWindowMs: 60_000 };
    await ensureStreams(await jetstreamManager(connection), ['door.in', 'door.features', 'plain_features'], limits);
    const secrets = await temporaryFolder('door-secrets');
    await writeFile(join(secrets, 'box-api-key'), 'k1');
    const started = await startScenarios();
    scenarios = started.server;
    fn = await open({
      GATEWAY_URL: started.url,
      NATS_URL: nats.url,
      SECRETS_DIR: secrets,
      MAX_SIGNAL_BYTES: '1000000',
      LOG_LEVEL: 'silent',
    });
  });

  after(async () => {
    await fn.close();
    await connection.close();
    scenarios.close();
    await nats.stop();
  });

  const stored = async (topic: string): Promise<TopicMessage[]> => {
    const found: TopicMessage[] = [];
    const reader = openJetStreamTopicReader(connection);
    for await (const message of reader.read(topic, { from: { seq: 1 }, until: 'end' })) found.push(message);
    return found;
  };

  it('answers 202 with the correlation id once the signal is stored as it came', async () => {
    const body = Buffer.from([0x89, 0, 255]);
    const answer = await post(fn, '/signal/full', body, { 'content-type': 'image/png', traceparent: '00-1-2-01' });
    assert.equal(answer.status, 202);
    const id = String(answer.body.correlation_id);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(answer.headers['box-correlation-id'], id);
    const message = (await stored('door.in')).at(-1);
    assert.deepEqual(Buffer.from(message?.body ?? []), body);
    assert.equal(message?.subject, 'door.in');
    const { time, ...attributes } = message?.attributes ?? {};
    assert.ok(Math.abs(Date.parse(time ?? '') - Date.now()) < 60_000);
    assert.deepEqual(attributes, {
      specversion: '1.0',
      id,
      source: 'default',
      type: 'thebox.signal',
      datacontenttype: 'image/png',
      traceparent: '00-1-2-01',
    });
  });

  it('publishes a source below the topic, and to the first stage where there is no ingestion, paused or not', async () => {
    await post(fn, '/signal/full/hall.cam-1', '1');
    const message = (await stored('door.in')).at(-1);
    assert.deepEqual([message?.subject, message?.attributes.source], ['door.in.hall.cam-1', 'hall.cam-1']);
    assert.equal((await post(fn, '/signal/plain', '{}')).status, 202);
    assert.equal((await stored('plain_features')).length, 1);
  });

  it("keeps the caller's own id and stores what is sent twice once", async () => {
    const first = await post(fn, '/signal/full/s', '1', {
      'idempotency-key': 'k-1',
      'ce-time': '2026-01-02T03:04:05Z',
    });
    assert.deepEqual(first.body, { correlation_id: 'k-1' });
    const count = (await stored('door.in')).length;
    const again = await post(fn, '/signal/full/s', '1', { 'idempotency-key': 'k-1' });
    assert.deepEqual([again.status, again.body], [202, { correlation_id: 'k-1', duplicate: true }]);
    assert.equal((await post(fn, '/signal/full/other', '1', { 'ce-id': 'k-1' })).body.duplicate, undefined);
    const messages = await stored('door.in');
    assert.equal(messages.length, count + 1);
    assert.equal(messages.at(-2)?.attributes.time, '2026-01-02T03:04:05Z');
  });

  it('takes a structured CloudEvent for what is in it', async () => {
    const event = { specversion: '1.0', id: 's-1', source: 'x', type: 'y', time: '2026-01-02T03:04:05Z' };
    const type = { 'content-type': 'application/cloudevents+json' };
    const png = { ...event, datacontenttype: 'image/png', data_base64: 'AQI=' };
    assert.deepEqual((await post(fn, '/signal/full/cam', JSON.stringify(png), type)).body, { correlation_id: 's-1' });
    const message = (await stored('door.in')).at(-1);
    assert.deepEqual([...(message?.body ?? [])], [1, 2]);
    const { datacontenttype, source, time } = message?.attributes ?? {};
    assert.deepEqual([datacontenttype, source, time], ['image/png', 'cam', '2026-01-02T03:04:05Z']);
    assert.equal((await post(fn, '/signal/full', '{"id": "a"}', type)).status, 400);
  });

  it('takes a batch of CloudEvents, and says which were stored when one was not', async () => {
    const type = { 'content-type': 'application/cloudevents-batch+json' };
    const event = (id: string, data: unknown) => ({ specversion: '1.0', id, source: 'x', type: 'y', data });
    const batch = (...events: unknown[]) => post(fn, '/signal/full/b', JSON.stringify(events), type);
    const taken = await batch(event('b1', { v: 1 }), event('b2', [2]));
    assert.deepEqual([taken.status, taken.body], [202, { correlation_ids: ['b1', 'b2'] }]);
    const messages = (await stored('door.in')).slice(-2);
    assert.deepEqual(
      messages.map(({ body, attributes }) => [Buffer.from(body).toString(), attributes.datacontenttype]),
      [
        ['{"v":1}', 'application/json'],
        ['[2]', 'application/json'],
      ],
    );
    const partly = await batch(event('b3', 1), event('with space', 2));
    assert.equal(partly.status, 400);
    assert.deepEqual(partly.body.stored, ['b3']);
    assert.match(String(partly.body.detail), /\(signal 2 of 2\)$/);
    for (const bad of ['{}', '[]', '[1]', 'x']) assert.equal((await post(fn, '/signal/full', bad, type)).status, 400);
  });

  it('undoes a content encoding, up to the limit', async () => {
    const sent = (body: Buffer, encoding: string) => post(fn, '/signal/full', body, { 'content-encoding': encoding });
    assert.equal((await sent(gzipSync('{"v": 1}'), 'gzip')).status, 202);
    assert.equal(Buffer.from((await stored('door.in')).at(-1)?.body ?? []).toString(), '{"v": 1}');
    assert.equal((await sent(brotliCompressSync('7'), 'br')).status, 202);
    assert.equal((await sent(gzipSync(Buffer.alloc(1_000_001)), 'gzip')).status, 413);
    assert.equal((await sent(Buffer.from('plain'), 'gzip')).status, 400);
    assert.equal((await sent(Buffer.from('plain'), 'compress')).status, 415);
  });

  it('refuses who has no key, an unknown scenario, and one without stages', async () => {
    assert.equal((await post(fn, '/signal/full', '1', { authorization: '' })).status, 401);
    assert.equal((await post(fn, '/signal/full', '1', { authorization: 'Bearer x' })).status, 403);
    assert.equal((await post(fn, '/signal/nobody', '1')).status, 404);
    assert.equal((await post(fn, '/signal/idle', '1')).status, 409);
  });

  it('refuses an empty body, a source that is no subject, an id or time that is none', async () => {
    assert.equal((await post(fn, '/signal/full', '')).status, 400);
    for (const source of ['a b', 'a*', '>', '.a', 'a..b', 'ä', 'x'.repeat(201)]) {
      const { status, body } = await post(fn, `/signal/full/${encodeURIComponent(source)}`, '1');
      assert.equal(status, 400, source);
      assert.match(String(body.detail), /^Cannot take signal: a source is at most 200 letters/);
    }
    assert.equal((await post(fn, '/signal/full', '1', { 'ce-id': 'a b' })).status, 400);
    for (const time of ['noon', '2026-13-99T99:99:00Z', '2026-01-01T00:00:00Zulu']) {
      assert.equal((await post(fn, '/signal/full', '1', { 'ce-time': time })).status, 400, time);
    }
    for (const wrong of [
      { time: 5 },
      { time: { toString: 1 } },
      { datacontenttype: 5 },
      { traceparent: [] },
      { id: {} },
    ]) {
      const event = { specversion: '1.0', id: 'x', source: 's', type: 't', data: 1, ...wrong };
      const type = { 'content-type': 'application/cloudevents+json' };
      assert.equal((await post(fn, '/signal/full', JSON.stringify(event), type)).status, 400, JSON.stringify(wrong));
    }
  });

  it('answers 413 beyond the limit', async () => {
    const { status, body } = await post(fn, '/signal/full', Buffer.alloc(1_000_001));
    assert.equal(status, 413);
    assert.equal(body.detail, 'Cannot take signal: at most 1000000 bytes are taken, got 1000001');
  });

  it('answers 503 with Retry-After while the stream lacks the topic of a scenario just put', async () => {
    const { status, headers } = await post(fn, '/signal/late', '1');
    assert.deepEqual([status, headers['retry-after']], [503, '1']);
  });

  it('answers 429 with Retry-After when the stream is full', async () => {
    let answer = await post(fn, '/signal/full', Buffer.alloc(900_000, 'x'));
    for (let i = 0; i < 4 && answer.status === 202; i++) answer = await post(fn, '/signal/full', Buffer.alloc(900_000));
    assert.equal(answer.status, 429);
    assert.equal(answer.headers['retry-after'], '5');
    assert.equal(answer.body.detail, 'Cannot take signal: the stream is full');
  });

  it('is healthy while NATS answers', async () => {
    await fn.health();
  });
});
