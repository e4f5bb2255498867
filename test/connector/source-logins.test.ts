import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { jetstreamManager } from '@nats-io/jetstream';
import { createAccount } from '@nats-io/jwt';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { connectAsync, type MqttClient } from 'mqtt';
import { openJetStreamStatusReader } from '#lib/bus/jetstream-stage-status.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { STREAM } from '#lib/bus/subjects.ts';
import { openLog } from '#lib/log/log.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import { openConnectorMetrics } from '../../connector/metrics.ts';
import { type Connector, openConnector } from '../../connector/open-connector.ts';
import { freePort } from '../../local/server/free-port.ts';
import { type NatsServer, startNats } from '../../local/server/nats.ts';
import { openMemoryFeed } from '../support/memory-feed.ts';
import { temporaryFolder } from '../support/servers.ts';
import { sourceRecord, withToken } from '../support/source.ts';
import { echo, LIMITS, openGateway, PATIENT, record, type TestGateway } from './fixture.ts';

const PASSWORD = 'the password of the box';
const LATE_MS = 100_000;

describe('connector: logins of sources at NATS and MQTT', () => {
  const sources = openMemoryFeed<SourceRecord>();
  const feed = openMemoryFeed<ScenarioRecord>();
  const metrics = openConnectorMetrics();
  const kiln = withToken(sourceRecord('kiln'));
  const oven = withToken(sourceRecord('oven'));
  const opened: { close(): Promise<unknown> }[] = [];
  let certFile: string;
  let nats: NatsServer;
  let gateway: TestGateway;
  let box: NatsConnection;
  let connector: Connector;

  before(async () => {
    const folder = await temporaryFolder('logins');
    certFile = join(folder, 'cert.pem');
    const mqttTls = { certFile, keyFile: join(folder, 'key.pem') };
    const names = ['-subj', '/CN=thebox', '-addext', 'subjectAltName=IP:127.0.0.1'];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '2'],
      ...['-keyout', mqttTls.keyFile, '-out', certFile, ...names],
    ]);
    const issuer = createAccount();
    const systemPassword = 'the password of the system';
    nats = await startNats({
      dataDir: join(folder, 'nats'),
      user: 'thebox',
      password: PASSWORD,
      mqttPort: await freePort(),
      mqttTls,
      logins: { issuer: issuer.getPublicKey(), systemUser: 'thebox-system', systemPassword },
    });
    await writeFile(join(folder, 'box-api-key'), 'secret-key');
    const { host } = new URL(nats.url);
    box = await connectNats({ url: `nats://thebox:${encodeURIComponent(PASSWORD)}@${host}`, name: 'test' });
    gateway = await openGateway();
    gateway.functions.set('echo', echo);
    sources.put(kiln.record);
    sources.put(oven.record);
    connector = await openConnector({
      connection: box,
      feed,
      sources,
      gatewayUrl: gateway.url,
      secrets: openSecretFiles(folder),
      log: openLog('connector', process.env.TEST_LOG_LEVEL ?? 'silent'),
      metrics,
      limits: { ...LIMITS, ...PATIENT },
      logins: {
        issuerSeed: new TextDecoder().decode(issuer.getSeed()),
        anonymous: true,
        connectSystem: () =>
          connectNats({ url: nats.url, name: 'system', user: 'thebox-system', password: systemPassword }),
      },
    });
    const plain = record('fire', { ingestion: { in: 'fire.in', out: 'fire.out', function: 'echo' } });
    const scenario = {
      ...plain.scenario,
      scenario_definition: { ...plain.scenario.scenario_definition, unknown_sources: 'refuse' as const },
    };
    feed.put({ ...plain, scenario });
    await (await openJetStreamStatusReader(box)).waitApplied('fire', plain.rev, LATE_MS);
  });

  after(async () => {
    for (const each of opened) await each.close();
    await connector.close(2000);
    await gateway.close();
    await box.close();
    await nats.stop();
  });

  /** A connection as a sensor's own program makes it, with the client's defaults. */
  const atNats = async (options: Record<string, unknown> = {}): Promise<NatsConnection> => {
    const connection = await connect({ servers: nats.url, reconnect: false, ...options });
    opened.push(connection);
    return connection;
  };
  const atMqtt = async (login: { username?: string; password?: string } = {}): Promise<MqttClient> => {
    const ca = await readFile(certFile);
    const client = await connectAsync(String(nats.mqttUrl), { ca, protocolVersion: 4, reconnectPeriod: 0, ...login });
    opened.push({ close: () => client.endAsync(true) });
    return client;
  };
  const stored = async () => (await (await jetstreamManager(box)).streams.info(STREAM)).state.messages;
  const publish = (connection: NatsConnection, subject: string, body: string) =>
    connection.request(subject, body, { timeout: LATE_MS });
  const processed = async (count: number) => {
    const stop = AbortSignal.timeout(LATE_MS);
    const found: string[] = [];
    const reader = openJetStreamTopicReader(box);
    for await (const { attributes, body } of reader.read('fire.out', {
      from: { seq: 1 },
      until: 'never',
      signal: stop,
    })) {
      found.push([attributes.source, attributes.sourceproof, Buffer.from(body).toString()].join(' '));
      if (found.length === count) break;
    }
    return found;
  };
  const refusals = async (door: string) => {
    const lines = (await metrics.registry.metrics()).split('\n').filter((each) => each.includes(`{door="${door}"`));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };

  it('a source publishes with its token at NATS and is told that its signal is stored', async () => {
    const sensor = await atNats({ user: 'kiln', pass: kiln.token });
    const ack = (await publish(sensor, 'thebox.source.kiln.fire.in', '1')).json() as Record<string, unknown>;
    assert.equal(ack.stream, STREAM);
    assert.deepEqual(await processed(1), ['kiln token 1']);
  });

  it('and at MQTT over TLS, with every quality of service, retained or not', async () => {
    const sensor = await atMqtt({ username: 'oven', password: oven.token });
    await sensor.publishAsync('thebox/source/oven/fire/in', '2', { qos: 0 });
    await sensor.publishAsync('thebox/source/oven/fire/in', '3', { qos: 1 });
    await sensor.publishAsync('thebox/source/oven/fire/in', '4', { qos: 1, retain: true });
    assert.deepEqual((await processed(4)).slice(1), ['oven token 2', 'oven token 3', 'oven token 4']);
  });

  it('its token opens no other subject, at NATS or at MQTT', async () => {
    const before = await stored();
    const sensor = await atNats({ user: 'kiln', pass: kiln.token });
    const others = [
      'thebox.source.oven.fire.in',
      'fire.in',
      'fire.in.oven',
      'thebox.door.kiln.fire.in',
      '$JS.API.INFO',
    ];
    for (const subject of others) await assert.rejects(publish(sensor, subject, '9'), /violation|permission/i, subject);
    const mqtt = await atMqtt({ username: 'kiln', password: kiln.token });
    for (const topic of ['thebox/source/oven/fire/in', 'fire/in', 'fire/in/oven'])
      await mqtt.publishAsync(topic, '9', { qos: 1 });
    assert.equal(await stored(), before);
  });

  it('a wrong token, another source’s, an unknown source, and another kind of credential are not let in', async () => {
    const before = [await refusals('nats'), await refusals('mqtt')];
    const wrong = { name: 'AuthorizationError' };
    await assert.rejects(atNats({ user: 'kiln', pass: 'bxs_wrong' }), wrong);
    await assert.rejects(atNats({ user: 'kiln', pass: oven.token }), wrong);
    await assert.rejects(atNats({ user: 'stranger', pass: kiln.token }), wrong);
    await assert.rejects(atNats({ user: 'kiln' }), wrong);
    await assert.rejects(atNats({ token: kiln.token }), wrong);
    await assert.rejects(atNats({ user: 'thebox', pass: 'guess' }), wrong);
    await assert.rejects(atNats({ user: 'thebox-system', pass: 'guess' }), wrong);
    await assert.rejects(atMqtt({ username: 'kiln', password: oven.token }), /[Nn]ot authori/);
    await assert.rejects(atMqtt({ username: 'stranger', password: kiln.token }), /[Nn]ot authori/);
    assert.ok((await refusals('nats')) >= Number(before[0]) + 5);
    assert.equal(await refusals('mqtt'), Number(before[1]) + 2);
  });

  it('who has no credential publishes to topics where that is allowed, and proves nothing by it', async () => {
    const anonymous = await atNats();
    const before = (await processed(4)).length;
    const refused = await refusals('nats');
    for (const subject of ['fire.in', 'fire.in.kiln']) await publish(anonymous, subject, '9');
    const mqtt = await atMqtt();
    await mqtt.publishAsync('fire/in/kiln', '9', { qos: 1 });
    for (const subject of ['thebox.source.kiln.fire.in', 'thebox.door.kiln.fire.in', '$JS.API.STREAM.NAMES']) {
      await assert.rejects(publish(anonymous, subject, '9'), /violation|permission/i, subject);
    }
    const late = Date.now() + LATE_MS;
    while ((await refusals('nats')) < refused + 2 && Date.now() < late) await box.flush();
    const sensor = await atNats({ user: 'kiln', pass: kiln.token });
    await publish(sensor, 'thebox.source.kiln.fire.in', '5');
    assert.deepEqual((await processed(before + 1)).slice(before), ['kiln token 5']);
  });

  it('a source cannot hear what the box’s own parts are answered', async () => {
    const sensor = await atNats({ user: 'kiln', pass: kiln.token });
    for (const subject of ['_BOX.>', '>', 'fire.out', '$SYS.>', '$KV.>']) {
      const subscription = sensor.subscribe(subject, { callback: () => undefined });
      await assert.rejects(
        subscription.closed.then((error) => (error ? Promise.reject(error) : undefined)),
        subject,
      );
    }
  });

  it('a token that is changed ends the connections that were opened with it, and opens none any more', async () => {
    const [sensor, other] = [
      await atNats({ user: 'kiln', pass: kiln.token }),
      await atNats({ user: 'oven', pass: oven.token }),
    ];
    const mqtt = await atMqtt({ username: 'kiln', password: kiln.token });
    const ended = new Promise<void>((resolve) => mqtt.once('close', () => resolve()));
    const next = withToken({ ...kiln.record, rev: '2-b' });
    sources.put(next.record);
    await Promise.all([sensor.closed(), ended]);
    await assert.rejects(atNats({ user: 'kiln', pass: kiln.token }), { name: 'AuthorizationError' });
    const again = await atNats({ user: 'kiln', pass: next.token });
    await publish(again, 'thebox.source.kiln.fire.in', '6');
    assert.equal(other.isClosed(), false);
    sources.remove('kiln');
    await again.closed();
    await assert.rejects(atNats({ user: 'kiln', pass: next.token }), { name: 'AuthorizationError' });
    assert.equal(other.isClosed(), false);
  });
});
