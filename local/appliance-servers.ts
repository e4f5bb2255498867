import { join } from 'node:path';
import { createAccount, fromSeed } from '@nats-io/jwt';
import { openS3Client } from '#lib/blob/s3.ts';
import { applyLayout } from '../minio/apply-layout.ts';
import type { MadeSecrets } from './made-secrets.ts';
import { type CouchdbServer, startCouchdb } from './server/couchdb.ts';
import { freePort, LOOPBACK } from './server/free-port.ts';
import { type KeptServer, keepServer } from './server/keep-server.ts';
import { type S3Server, startMinio } from './server/minio.ts';
import { type NatsLogins, type NatsServer, startNats } from './server/nats.ts';
import { type RabbitmqServer, startRabbitmq } from './server/rabbitmq.ts';

/** The servers' own ports, and those of the gateway and the connector. */
export const DEFAULT_PORTS = {
  gateway: 8080,
  connector: 8081,
  nats: 4222,
  mqtt: 1883,
  couchdb: 5984,
  minio: 9000,
  rabbitmq: 5672,
};

export type PortName = keyof typeof DEFAULT_PORTS;

/** `default`: the usual ones, another where that is taken. `free`: any. */
export type PortChoice = 'default' | 'free';

/** The port to start something on; undefined is any free one. */
export async function choosePort(name: PortName, choice: PortChoice): Promise<number | undefined> {
  return choice === 'free' ? undefined : freePort(DEFAULT_PORTS[name]);
}

export interface ServersOptions {
  readonly dataDir: string;
  readonly logDir: string;
  readonly secrets: MadeSecrets;
  readonly ports: PortChoice;
  readonly rabbitmq: boolean;
  /** A CouchDB that is there already, with user and password in the URL, instead of the stand-in. */
  readonly couchdbUrl?: string;
  readonly say: (line: string) => void;
}

/** What the functions and the connector find in their environment; passwords are in secret files. */
export interface ServerAddresses {
  readonly NATS_URL: string;
  readonly NATS_USER: string;
  readonly COUCHDB_URL: string;
  readonly COUCHDB_USER: string;
  readonly S3_ENDPOINT: string;
  readonly AMQP_URL: string;
  readonly AMQP_USER: string;
}

export interface ApplianceServers {
  readonly addresses: ServerAddresses;
  /** Where NATS speaks MQTT too: for sensors and subscribers, no part of ours needs it. */
  readonly mqttUrl: string;
  /** Resolves when RabbitMQ is up, which takes some seconds; at once without it. */
  readonly rabbitmqUp: Promise<void>;
  stop(): Promise<void>;
}

/** The user name at every server that wants one; also in stack.yml. */
const USER = 'thebox';
const VHOST = 'sensory';
const ISSUER_SECRET = 'nats-issuer-seed';

/** Starts the servers that the appliance stands on, all at once, and keeps them up. */
export async function startServers(options: ServersOptions): Promise<ApplianceServers> {
  const { secrets, ports } = options;
  const started: Promise<KeptServer<unknown>>[] = [];

  async function keep<S extends NatsServer | S3Server | CouchdbServer | RabbitmqServer>(
    name: PortName,
    start: (common: { dataDir: string; logFile: string; port?: number }) => Promise<S>,
    wanted: number | undefined,
  ): Promise<S> {
    const common = { dataDir: join(options.dataDir, name), logFile: join(options.logDir, `${name}.log`) };
    const keeping = keepServer({
      port: wanted,
      start: (port) => start({ ...common, ...(port !== undefined && { port }) }),
      onRestart: (reason) => options.say(`${name} is started again: ${reason}`),
    });
    started.push(keeping);
    return (await keeping).current;
  }

  const stop = async (): Promise<void> => {
    const settled = await Promise.allSettled(started);
    await Promise.all(settled.map((result) => (result.status === 'fulfilled' ? result.value.stop() : undefined)));
  };

  const couchdb = async (): Promise<string> => {
    if (options.couchdbUrl !== undefined) return options.couchdbUrl;
    const login = { user: USER, password: await secrets.get('couchdb-password') };
    const server = await keep(
      'couchdb',
      (common) => startCouchdb({ ...common, ...login }),
      await choosePort('couchdb', ports),
    );
    return server.url;
  };
  const minio = async (): Promise<S3Server> => {
    await secrets.put('s3-access-key', USER);
    const login = { accessKey: USER, secretKey: await secrets.get('s3-secret-key') };
    const server = await keep(
      'minio',
      (common) => startMinio({ ...common, ...login }),
      await choosePort('minio', ports),
    );
    await makeBuckets(server);
    return server;
  };

  const nats = async (): Promise<NatsServer> => {
    const login = { user: USER, password: await secrets.get('nats-password') };
    const logins = await natsLogins(secrets);
    return keep(
      'nats',
      (common) => startNats({ ...common, ...login, logins, mqttPort }),
      await choosePort('nats', ports),
    );
  };

  const mqttPort = (await choosePort('mqtt', ports)) ?? (await freePort());
  // RabbitMQ's port is decided before it is up: nobody waits for it.
  const rabbitmqPort = (await choosePort('rabbitmq', ports)) ?? (await freePort());
  const login = { user: USER, password: await secrets.get('amqp-password') };
  const rabbitmqUp = options.rabbitmq
    ? keep('rabbitmq', (common) => startRabbitmq({ ...common, ...login }), rabbitmqPort)
    : Promise.resolve();
  // Whoever waits for it is told; until then nobody may be waiting.
  rabbitmqUp.catch(() => undefined);
  try {
    const [bus, s3, couchdbUrl] = await Promise.all([nats(), minio(), couchdb()]);
    const couch = new URL(couchdbUrl);
    if (options.couchdbUrl !== undefined) await secrets.put('couchdb-password', decodeURIComponent(couch.password));
    return {
      addresses: {
        NATS_URL: bus.url,
        NATS_USER: USER,
        COUCHDB_URL: couch.origin,
        COUCHDB_USER: decodeURIComponent(couch.username),
        S3_ENDPOINT: s3.endpoint,
        AMQP_URL: `amqp://${LOOPBACK}:${rabbitmqPort}/${VHOST}`,
        AMQP_USER: USER,
      },
      mqttUrl: `mqtt://${LOOPBACK}:${mqttPort}`,
      rabbitmqUp: rabbitmqUp.then(() => undefined),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whom NATS asks about logins: the connector, by a key that is made here. */
async function natsLogins(secrets: MadeSecrets): Promise<NatsLogins> {
  const seed = await secrets.get(ISSUER_SECRET, () => new TextDecoder().decode(createAccount().getSeed()));
  const issuer = fromSeed(new TextEncoder().encode(seed)).getPublicKey();
  return { issuer, systemUser: 'thebox-system', systemPassword: await secrets.get('nats-system-password') };
}

/** The buckets that the functions expect; what is there already is left as it is. */
async function makeBuckets({ endpoint, region, accessKey, secretKey }: S3Server): Promise<void> {
  const credentials = async () => ({ accessKeyId: accessKey, secretAccessKey: secretKey });
  const client = openS3Client({ endpoint, region, credentials });
  try {
    await applyLayout(client);
  } finally {
    client.destroy();
  }
}
