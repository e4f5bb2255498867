import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import {
  type AuthorizationRequest,
  decode,
  encodeAuthorizationResponse,
  encodeUser,
  fromPublic,
  fromSeed,
} from '@nats-io/jwt';
import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { Ajv } from 'ajv';
import { connectAsync } from 'mqtt';
import { parse } from 'yaml';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { serverBinary } from '../../local/server/binary.ts';
import { type Child, startChild } from '../../local/server/child-process.ts';
import { freePort } from '../../local/server/free-port.ts';
import { untilReady } from '../../local/server/until-ready.ts';
import { runToEnd } from '../../setup/run-to-end.ts';
import pins from '../../setup/servers.json' with { type: 'json' };
import { nextMqttMessage } from '../support/mqtt-message.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const INSTALL = join(REPOSITORY, 'deploy/faasd/install.sh');

const text = { type: 'string', minLength: 1 };
/** What faasd reads of a compose file; what it does not know it leaves out without a word. */
const FAASD_SERVICE = {
  type: 'object',
  required: ['image'],
  additionalProperties: false,
  properties: {
    // Only with a registry in front is the name taken as it is.
    image: {
      type: 'string',
      pattern: '^[a-z0-9.-]+(:[0-9]+)?/[a-z0-9./-]+:[A-Za-z0-9._-]+$',
      not: { pattern: ':latest$' },
    },
    user: { type: 'string', pattern: '^[1-9][0-9]*$' },
    command: { type: 'array', items: text },
    environment: { type: 'array', items: { type: 'string', pattern: '^[A-Za-z0-9_]+=.' } },
    volumes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'source', 'target'],
        additionalProperties: false,
        properties: {
          type: { const: 'bind' },
          source: { type: 'string', pattern: '^\\./' },
          target: { type: 'string', pattern: '^/' },
          read_only: { type: 'boolean' },
        },
      },
    },
    ports: {
      type: 'array',
      items: { type: 'string', pattern: '^((127\\.0\\.0\\.1|0\\.0\\.0\\.0):[0-9]+:[0-9]+|8080:8080)$' },
    },
    cap_add: { type: 'array', items: text },
    depends_on: { type: 'array', items: text },
  },
};

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly ports?: readonly string[];
  readonly environment?: readonly string[];
  readonly depends_on?: readonly string[];
}

async function render(folder: string, ...options: string[]): Promise<Readonly<Record<string, Service>>> {
  const args = [INSTALL, 'render', folder, '--tag', '1.0.0', ...options];
  const { status, output } = await runToEnd('sh', args, process.env);
  assert.equal(status, 0, output);
  const document: unknown = parse(await readFile(join(folder, 'docker-compose.yaml'), 'utf8'));
  const services: unknown = Reflect.get(Object(document), 'services');
  const validate = new Ajv({ allErrors: true }).compile<Record<string, Service>>({
    type: 'object',
    additionalProperties: FAASD_SERVICE,
  });
  assert.ok(validate(services), JSON.stringify(validate.errors, null, 2));
  return services;
}

describe('deploy/faasd: what install.sh puts on a board', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-board-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is a compose file of what faasd reads, with the services that functions and connector are told of', async () => {
    const services = await render(folder);
    for (const [name, { depends_on = [] }] of Object.entries(services))
      for (const other of depends_on) assert.ok(other in services, `${name} depends on ${other}`);
    const stack = await readFile(join(REPOSITORY, 'stack.yml'), 'utf8');
    const hosts = [...stack.matchAll(/_(?:URL|ENDPOINT): \w+:\/\/([a-z]+):/g)].map(([, host]) => host ?? '');
    for (const host of new Set([...hosts, 'connector'])) assert.ok(host in services, host);
    assert.doesNotMatch(await readFile(join(folder, 'docker-compose.yaml'), 'utf8'), /\$\{[A-Z]/);
  });

  it('runs the NATS that the tests run', async () => {
    const { nats } = await render(folder);
    assert.match(nats?.image ?? '', new RegExp(`:${pins['nats-server'].version.slice(1)}-alpine$`));
  });

  it('publishes to the network the gateway alone, and what it was asked to', async () => {
    const published = (services: Readonly<Record<string, Service>>) =>
      Object.values(services)
        .flatMap(({ ports = [] }) => ports)
        .filter((port) => !port.startsWith('127.0.0.1:'));
    assert.deepEqual(published(await render(folder)), ['8080:8080']);
    assert.deepEqual(published(await render(folder, '--open', 'mqtt,nats')).toSorted(), [
      '0.0.0.0:1883:1883',
      '0.0.0.0:4222:4222',
      '8080:8080',
    ]);
    // Kept until it is said otherwise.
    assert.equal(published(await render(folder)).length, 3);
    assert.equal(published(await render(folder, '--open', 'none')).length, 1);
  });

  it('publishes what docs/operations.md has in its table of ports, and nothing else', async () => {
    const published = Object.values(await render(folder)).flatMap(({ ports = [] }) => ports);
    const page = await readFile(join(REPOSITORY, 'docs/operations.md'), 'utf8');
    const documented = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, port]) => port ?? '');
    const outer = published.map((port) => port.split(':').at(-2) ?? '');
    assert.deepEqual(documented.toSorted(), outer.toSorted());
  });

  it('keeps secrets to their owner, the same when it is run again, and out of the compose file', async () => {
    await render(folder);
    const secrets = join(folder, 'thebox/secrets');
    const before = new Map<string, string>();
    for (const name of await readdir(secrets)) {
      before.set(name, await readFile(join(secrets, name), 'utf8'));
      assert.equal((await stat(join(secrets, name))).mode & 0o077, 0, name);
    }
    assert.match(before.get('box-api-key') ?? '', /^[0-9a-f]{48}$/);
    await render(folder);
    const compose = await readFile(join(folder, 'docker-compose.yaml'), 'utf8');
    for (const [name, value] of before) {
      assert.equal(await readFile(join(secrets, name), 'utf8'), value);
      if (/password|key$/.test(name) && value.length > 20) assert.ok(!compose.includes(value), name);
    }
    assert.equal((await stat(join(folder, 'thebox'))).mode & 0o077, 0);
  });

  it('gives each server what it needs in a folder of its own, again and again, and leaves nothing else behind', async () => {
    const servers = ['buckets', 'connector', 'couchdb', 'minio', 'nats', 'rabbitmq'];
    const contents = async () => {
      const folders = await Promise.all(servers.map((server) => readdir(join(folder, 'thebox', server))));
      return folders.map((names) => names.toSorted());
    };
    await render(folder);
    const first = await contents();
    assert.ok(first.every((names) => names.length > 0));
    // CouchDB makes this one in the folder that it may write to.
    await writeFile(join(folder, 'thebox/couchdb/docker.ini'), '');
    await render(folder);
    await rm(join(folder, 'thebox/couchdb/docker.ini'));
    assert.deepEqual(await contents(), first);
    const all = ['data', 'prometheus', 'secrets', 'settings', ...servers].toSorted();
    assert.deepEqual((await readdir(join(folder, 'thebox'))).toSorted(), all);
  });

  it('refuses a setting that is none', async () => {
    for (const options of [
      ['--sync', 'sometimes'],
      ['--open', 'everything'],
      ['--tag', 'a;b'],
      ['--colour', 'red'],
    ]) {
      const { status } = await runToEnd('sh', [INSTALL, 'render', folder, ...options], process.env);
      assert.notEqual(status, 0, options.join(' '));
    }
  });
});

describe('deploy/config/nats-server.conf, in a real server', () => {
  let folder: string;
  let server: Child;
  let port: number;
  let mqttPort: number;
  const secret = (name: string): Promise<string> => readFile(join(folder, 'thebox/secrets', name), 'utf8');
  const as = async (user: string, name: string): Promise<NatsConnection> =>
    connectNats({ url: `nats://127.0.0.1:${port}`, name: 'test', user, password: await secret(name), atFirst: 'fail' });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-nats-conf-'));
    await render(folder, '--sync', '2m');
    const nats = join(folder, 'thebox/nats');
    [port, mqttPort] = [await freePort(), await freePort()];
    // Its own ports and folder; all else is as on a board.
    await replace(join(nats, 'limits.conf'), '/data', join(folder, 'data'));
    await replace(join(nats, 'nats-server.conf'), '0.0.0.0:4222', `127.0.0.1:${port}`);
    await replace(join(nats, 'nats-server.conf'), '0.0.0.0:1883', `127.0.0.1:${mqttPort}`);
    await replace(join(nats, 'nats-server.conf'), '0.0.0.0:8222', '127.0.0.1:-1');
    await replace(join(nats, 'nats-server.conf'), '0.0.0.0:9222', '127.0.0.1:-1');
    const args = ['--config', join(nats, 'nats-server.conf')];
    server = await startChild({ name: 'nats-server', command: await serverBinary('nats-server'), args });
    await untilReady(server, async () => {
      if (!server.log.last(100).some(({ text: line }) => line.includes('Server is ready')))
        throw new Error('not ready');
    });
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('writes to disk as often as it was told', async () => {
    const system = await as('thebox-system', 'nats-system-password');
    const answer = await system.request('$SYS.REQ.SERVER.PING.VARZ', '', { timeout: 60_000 });
    await system.close();
    const { data } = answer.json<{ data: { jetstream: { config: { sync_interval: number } } } }>();
    assert.equal(data.jetstream.config.sync_interval, 120 * 1e9);
  });

  it('lets nobody in without a password', async () => {
    await assert.rejects(connectNats({ url: `nats://127.0.0.1:${port}`, name: 'test', atFirst: 'fail' }));
  });

  it('asks who has the issuer’s secret half about every other login, by NATS and by MQTT, and about its own users nobody', async () => {
    const box = await as('thebox', 'nats-password');
    const issuer = fromSeed(new TextEncoder().encode(await secret('nats-issuer-seed')));
    const asked: unknown[] = [];
    const answer = async (message: Msg): Promise<void> => {
      const { nats } = decode<AuthorizationRequest>(message.string());
      const request = nats as AuthorizationRequest;
      asked.push(request.connect_opts.user);
      const [user, server] = [fromPublic(request.user_nkey), fromPublic(request.server_id.id)];
      const jwt = await encodeUser('kiln', user, issuer, {}, { aud: '$G' });
      message.respond(await encodeAuthorizationResponse(user, server, issuer, { jwt }, {}));
    };
    box.subscribe('$SYS.REQ.USER.AUTH', { callback: (_, message) => void answer(message) });
    await box.flush();
    await (await connect({ servers: `127.0.0.1:${port}`, user: 'kiln', pass: 'token' })).close();
    await publishMqtt(mqttPort, 'kiln', 'token', 'nowhere', '1');
    await (await as('viewer', 'nats-viewer-password')).close();
    await (await as('thebox-system', 'nats-system-password')).close();
    assert.deepEqual(asked, ['kiln', 'kiln']);
    await box.close();
  });

  it('a sensor stores a signal through MQTT, and one through NATS; it neither listens nor touches the system', async () => {
    const box = await as('thebox', 'nats-password');
    const manager = await jetstreamManager(box);
    await manager.streams.add({ name: 'TEST', subjects: ['factory.>'] });
    await publishMqtt(mqttPort, 'sensor', await secret('nats-sensor-password'), 'factory/press', '{"a":1}');
    // With the client's own defaults, as a sensor's program would.
    const pass = await secret('nats-sensor-password');
    const sensor = await connect({ servers: `127.0.0.1:${port}`, user: 'sensor', pass });
    const acked = await sensor.request('factory.press', '{"a":2}', { timeout: 60_000 });
    assert.equal(Reflect.get(Object(acked.json()), 'stream'), 'TEST');
    const stream = await jetstream(box).streams.get('TEST');
    assert.equal((await stream.getMessage({ seq: 1 }))?.string(), '{"a":1}');
    assert.equal((await stream.info()).state.messages, 2);

    await assert.rejects(sensor.request('$JS.API.STREAM.NAMES', '', { timeout: 500 }));
    await assert.rejects(drainOne(sensor, 'factory.>'), /[Pp]ermission/);
    await sensor.close();
    await box.close();
  });

  it('a viewer listens by MQTT too, with QoS 1 as most clients ask for, and cannot speak', async () => {
    const login = { username: 'viewer', password: await secret('nats-viewer-password') };
    const [box, client] = [
      await as('thebox', 'nats-password'),
      await connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { ...login, protocolVersion: 4, reconnectPeriod: 0 }),
    ];
    assert.deepEqual(await client.subscribeAsync('hall/notes', { qos: 1 }), [{ topic: 'hall/notes', qos: 1 }]);
    await assert.rejects(client.subscribeAsync('$MQTT/msgs/#'));
    const heard = nextMqttMessage(client);
    // What a viewer publishes goes nowhere.
    await client.publishAsync('hall/notes', 'from the viewer', { qos: 1 });
    box.publish('hall.notes', 'from the box');
    assert.partialDeepStrictEqual(await heard, { topic: 'hall/notes', text: 'from the box' });
    await client.endAsync();
    await box.close();
  });

  it('a viewer listens, and cannot speak', async () => {
    const [box, viewer] = [await as('thebox', 'nats-password'), await as('viewer', 'nats-viewer-password')];
    const heard = drainOne(viewer, 'notes');
    await viewer.flush();
    box.publish('notes', 'hello');
    assert.equal(await heard, 'hello');
    const echoed = drainOne(box, 'notes.back');
    await box.flush();
    viewer.publish('notes.back', 'from the viewer');
    await viewer.flush();
    box.publish('notes.back', 'from the box');
    assert.equal(await echoed, 'from the box');
    await viewer.close();
    await box.close();
  });
});

async function replace(file: string, from: string, to: string): Promise<void> {
  const before = await readFile(file, 'utf8');
  assert.ok(before.includes(from), `${file} has ${from}`);
  await writeFile(file, before.replace(from, to));
}

async function drainOne(connection: NatsConnection, subject: string): Promise<string> {
  for await (const message of connection.subscribe(subject, { max: 1 })) return message.string();
  throw new Error(`nothing came on ${subject}`);
}

/** Publishes one message with QoS 1, and waits until the server has acknowledged it. */
async function publishMqtt(port: number, user: string, password: string, topic: string, body: string): Promise<void> {
  const login = { username: user, password };
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { ...login, protocolVersion: 4, reconnectPeriod: 0 });
  await client.publishAsync(topic, body, { qos: 1 });
  await client.endAsync();
}
