import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectAsync, connect as connectMqtt } from 'mqtt';
import { freePort } from '../../../local/server/free-port.ts';
import { startNats } from '../../../local/server/nats.ts';
import { nextMqttMessage } from '../../support/mqtt-message.ts';
import { sharedNats, temporaryFolder } from '../../support/servers.ts';

describe('startNats', () => {
  it('starts a server with JetStream and messages of up to 10 MiB', async () => {
    const nats = await sharedNats();
    const connection = await connect({ servers: nats.url });
    try {
      assert.equal(connection.info?.jetstream, true);
      assert.equal(connection.info?.max_payload, 10 * 1024 * 1024);
    } finally {
      await connection.close();
    }
  });

  it('lets in only who has the password, when it has one', async () => {
    const login = { user: 'box', password: 'a"b@c' };
    const nats = await startNats({ dataDir: await temporaryFolder('nats'), ...login });
    try {
      await assert.rejects(connect({ servers: `127.0.0.1:${nats.port}`, reconnect: false }), /authorization/i);
      const connection = await connect({ servers: `127.0.0.1:${nats.port}`, user: 'box', pass: 'a"b@c' });
      await connection.close();
    } finally {
      await nats.stop();
    }
  });

  it('keeps its streams over a kill and a new start on the same port', async () => {
    const dataDir = await temporaryFolder('nats');
    const first = await startNats({ dataDir, syncInterval: 'always' });
    const connection = await connect({ servers: first.url });
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: 'S', subjects: ['s'] });
    await manager.jetstream().publish('s', 'kept');
    await connection.close();
    await first.kill();
    assert.equal((await first.exited).signal, 'SIGKILL');

    const second = await startNats({ dataDir, port: first.port });
    try {
      const again = await connect({ servers: second.url });
      const stored = await (await jetstreamManager(again)).streams.getMessage('S', { seq: 1 });
      assert.equal(stored?.string(), 'kept');
      await again.close();
    } finally {
      await second.stop();
    }
  });

  it('speaks MQTT where it is told a port, to who has the password', async () => {
    const login = { user: 'box', password: 'secret' };
    const nats = await startNats({ dataDir: await temporaryFolder('nats'), ...login, mqttPort: await freePort() });
    const url = String(nats.mqttUrl);
    const options = { username: 'box', reconnectPeriod: 0, protocolVersion: 4 } as const;
    try {
      await assert.rejects(connectAsync(url, { ...options, password: 'wrong' }), /[Nn]ot authorized/);
      const client = await connectAsync(url, { ...options, password: 'secret' });
      const connection = await connect({ servers: nats.url, user: 'box', pass: 'secret' });
      await client.subscribeAsync('hall/door', { qos: 1 });
      const heard = nextMqttMessage(client);
      connection.publish('hall.door', 'open');
      // nats-server gives what NATS publishes to MQTT at QoS 0, whatever was subscribed.
      assert.deepEqual(await heard, { topic: 'hall/door', text: 'open', qos: 0 });
      await connection.close();
      await client.endAsync();
    } finally {
      await nats.stop();
    }
  });

  it('keeps for an MQTT subscriber that is away what MQTT publishes with QoS 1, over a kill', async () => {
    const dataDir = await temporaryFolder('nats');
    const [port, mqttPort] = [await freePort(), await freePort()];
    const session = { clientId: 'panel', clean: false, reconnectPeriod: 0, protocolVersion: 4 } as const;
    const first = await startNats({ dataDir, port, mqttPort, syncInterval: 'always' });
    const panel = await connectAsync(String(first.mqttUrl), session);
    await panel.subscribeAsync('hall/door', { qos: 1 });
    await panel.endAsync();
    const sensor = await connectAsync(String(first.mqttUrl), { clientId: 'sensor', protocolVersion: 4 });
    await sensor.publishAsync('hall/door', 'open', { qos: 1 });
    await sensor.endAsync();
    await first.kill();
    await first.exited;

    const second = await startNats({ dataDir, port, mqttPort });
    try {
      const again = connectMqtt(String(second.mqttUrl), session);
      assert.deepEqual(await nextMqttMessage(again), { topic: 'hall/door', text: 'open', qos: 1 });
      await again.endAsync();
    } finally {
      await second.stop();
    }
  });

  it('says what the server printed when it cannot start', async () => {
    const nats = await sharedNats();
    await assert.rejects(
      startNats({ dataDir: await temporaryFolder('nats'), port: nats.port }),
      /Cannot start nats-server: it must stay up.*address already in use/s,
    );
  });
});
