import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connectAsync } from 'mqtt';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { STREAM } from '#lib/bus/subjects.ts';
import { errorText } from '#lib/error/box-error.ts';
import { type Appliance, type ApplianceOptions, openAppliance } from '../../local/appliance.ts';
import { runDemo } from '../../local/demo/demo.ts';
import { nextMqttMessage } from '../support/mqtt-message.ts';
import { temporaryFolder } from '../support/servers.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

describe('openAppliance', function () {
  // Eleven processes on a machine that may be busy.
  this.timeout(480_000);

  let options: ApplianceOptions;
  let appliance: Appliance;

  before(async () => {
    const folder = await temporaryFolder('appliance');
    // A scenario that was put is worked with when the answer comes, however long that takes.
    const environment = { APPLY_WAIT_MS: '50000' };
    options = { root: ROOT, folder, ports: 'free', rabbitmq: 'never', environment };
    appliance = await openAppliance(options);
  });

  after(() => appliance.close());

  async function call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${appliance.env.BOX_API_KEY}` };
    return fetch(`${appliance.env.BOX_GATEWAY}/function/${path}`, { ...init, headers });
  }

  function pidOf(name: string): number {
    const pid = appliance.processes.find((one) => one.name === name)?.pid;
    assert(pid !== undefined, `${name} runs`);
    return pid;
  }

  it('brings every function of stack.yml and the connector up', () => {
    assert.deepEqual(appliance.down, []);
    const names = appliance.processes.map(({ name }) => name);
    assert.deepEqual(names, ['orchestrator', 'ingestion', 'inference', 'notification', 'sensory', 'connector']);
  });

  it('writes down where everything is, for its owner alone', async () => {
    const file = join(options.folder, 'env.json');
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), appliance.env);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(options.folder)).mode & 0o777, 0o700);
    assert.equal((await stat(join(options.folder, 'secrets', 'box-api-key'))).mode & 0o777, 0o600);
  });

  it('says so when one runs in the folder already', async () => {
    await assert.rejects(openAppliance(options), { code: 'conflict', message: /one runs already in/ });
  });

  it('turns images into notifications, none lost, also when functions and the connector are killed meanwhile', async () => {
    const victims = ['ingestion', 'inference', 'connector', 'notification'];
    let seen = 0;
    const summary = await runDemo({
      root: ROOT,
      env: appliance.env,
      count: 60,
      rate: 20,
      signal: AbortSignal.timeout(460_000),
      onSeen() {
        seen += 1;
        const victim = seen % 10 === 0 ? victims.shift() : undefined;
        if (victim !== undefined) process.kill(pidOf(victim), 'SIGKILL');
      },
    });
    assert.partialDeepStrictEqual(summary, { sent: 60, notified: 60, lost: 0, repeated: 0 });
    assert(summary.accuracy > 0.9, `accuracy is ${summary.accuracy}`);
  });

  it('takes a signal by MQTT, and tells its notification by MQTT, with the sensor as source', async () => {
    const document = await readFile(join(ROOT, 'examples', 'tiny', 'scenario.json'));
    const put = await call('orchestrator/scenario/tiny', { method: 'PUT', body: document });
    assert.equal(put.status, 201, await put.text());
    assert.equal(put.headers.get('box-applied'), 'true');
    const client = await connectAsync(String(appliance.env.MQTT_URL), { clientId: 'press-1', protocolVersion: 4 });
    try {
      const [granted] = await client.subscribeAsync('tiny_notifications', { qos: 1 });
      assert.equal(granted?.qos, 1);
      const heard = nextMqttMessage(client);
      await client.publishAsync('tiny_signals/hall/press', '{"values":[1,1,1]}', { qos: 1 });
      const { topic, text } = await heard;
      assert.equal(topic, 'tiny_notifications');
      assert.partialDeepStrictEqual(JSON.parse(text), {
        notification_id: 'tiny_high',
        scenario: 'tiny',
        source: 'hall.press',
      });
    } finally {
      await client.endAsync();
    }
  });

  it('opens each of its three doors to a source with its token, and to nobody else', async () => {
    const document = JSON.parse(await readFile(join(ROOT, 'examples', 'tiny', 'scenario.json'), 'utf8'));
    const scenario = JSON.stringify({
      ...document,
      scenario_definition: { ...document.scenario_definition, unknown_sources: 'refuse' },
    });
    const put = await call('orchestrator/scenario/tiny', { method: 'PUT', body: Buffer.from(scenario) });
    assert.deepEqual([put.status, put.headers.get('box-applied')], [200, 'true']);
    const made = await call('orchestrator/source/press-2', { method: 'PUT', body: Buffer.from('{}') });
    const { token } = (await made.json()) as { token: string };
    const { MQTT_URL: mqttUrl = '', BOX_GATEWAY: gateway = '', NATS_URL: natsUrl = '' } = appliance.env;
    const heard = await connectAsync(mqttUrl, { protocolVersion: 4 });
    const { host } = new URL(natsUrl);
    const stranger = await connectNats({ url: `nats://${host}`, name: 'stranger' });
    const sensor = await onceLetIn(() => connectNats({ url: `nats://press-2:${token}@${host}`, name: 'press-2' }));
    const mqtt = await connectAsync(mqttUrl, { protocolVersion: 4, username: 'press-2', password: token });
    const signal = '{"values":[1,1,1]}';
    const post = (path: string, key: string) =>
      fetch(`${gateway}/function/ingestion/signal/tiny${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: signal,
      });
    try {
      await heard.subscribeAsync('tiny_notifications');
      const told: string[] = [];
      const enough = new Promise<void>((resolve) => {
        heard.on('message', (_, payload) => {
          told.push(JSON.parse(payload.toString()).source);
          if (told.length === 3) resolve();
        });
      });
      assert.equal((await post('/press-2', 'bxs_guessed')).status, 403);
      assert.equal((await post('/press-3', token)).status, 403);
      stranger.publish('tiny_signals', signal);
      stranger.publish('tiny_signals.press-2', signal);
      stranger.publish('thebox.source.press-2.tiny_signals', signal);
      await stranger.flush();
      await heard.publishAsync('tiny_signals/press-2', signal, { qos: 1 });
      await assert.rejects(connectAsync(mqttUrl, { protocolVersion: 4, username: 'press-2', password: 'guessed' }));
      assert.equal((await post('/press-2', token)).status, 202);
      sensor.publish('thebox.source.press-2.tiny_signals', signal);
      await mqtt.publishAsync('thebox/source/press-2/tiny_signals', signal, { qos: 1 });
      await enough;
      assert.deepEqual(told, ['press-2', 'press-2', 'press-2']);
    } finally {
      await Promise.all([stranger.close(), sensor.close(), mqtt.endAsync(), heard.endAsync()]);
    }
  });

  it("leaves MQTT's own streams to nats-server, and none of their subjects in ours", async () => {
    const nats = await connectNats({ url: String(appliance.env.NATS_URL), name: 'test' });
    try {
      const manager = await jetstreamManager(nats);
      const names = await manager.streams.names().next();
      assert(names.includes('$MQTT_msgs') && names.includes(STREAM), names.join());
      const { config } = await manager.streams.info(STREAM);
      assert.deepEqual(
        config.subjects.filter((subject) => subject.startsWith('$') || subject.startsWith('>')),
        [],
      );
      // Nobody waits for the signal that came by MQTT any more: nothing of it is kept a second time.
      assert.equal((await manager.streams.info('$MQTT_msgs')).state.messages, 0);
      assert.equal((await call('orchestrator/status')).status, 200);
    } finally {
      await nats.close();
    }
  });

  it('keeps scenarios and keys for the next start', async () => {
    const key = appliance.env.BOX_API_KEY;
    await appliance.close();
    appliance = await openAppliance(options);
    assert.equal(appliance.env.BOX_API_KEY, key);
    assert.equal((await call('orchestrator/scenario/digits')).status, 200);
  });
});

/** The connector hears of a source a moment after it was put: until then it lets nobody in by that name. Mocha's timeout bounds it. */
async function onceLetIn(connect: () => Promise<NatsConnection>): Promise<NatsConnection> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!/authorization/i.test(errorText(error))) throw error;
    }
  }
}
