import { join } from 'node:path';
import { API_KEY_SECRET } from '#lib/secret/secret-files.ts';
import type { ServerAddresses } from './appliance-servers.ts';
import type { Login } from './gateway/basic-auth.ts';
import type { MadeSecrets } from './made-secrets.ts';

/** What of the user's own environment processes get: what any program needs, nothing that would configure ours. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'];

export interface ProcessEnvironmentOptions {
  readonly inherited: NodeJS.ProcessEnv;
  readonly root: string;
  readonly folder: string;
  readonly secretsDir: string;
  readonly gatewayUrl: string;
  readonly addresses: ServerAddresses;
}

/** The environment of every function and the connector: this machine's addresses for those of stack.yml. */
export function processEnvironment(options: ProcessEnvironmentOptions): Record<string, string> {
  const { inherited, addresses } = options;
  const kept = INHERITED.flatMap((name) => (inherited[name] === undefined ? [] : [[name, inherited[name]]]));
  return {
    ...Object.fromEntries(kept),
    ...addresses,
    // The local NATS lets in who has no login too: it listens on 127.0.0.1 alone, and sensors need only the scenario file.
    SOURCE_LOGINS: 'true',
    ANONYMOUS_LOGINS: 'true',
    GATEWAY_URL: options.gatewayUrl,
    SECRETS_DIR: options.secretsDir,
    MODEL_ROOT: options.root,
    MODEL_HOSTS: '127.0.0.1,localhost,*',
    MODEL_CACHE_DIR: join(options.folder, 'models'),
  };
}

export interface UserEnvironmentOptions {
  readonly gatewayUrl: string;
  readonly connectorUrl: string;
  readonly addresses: ServerAddresses;
  readonly mqttUrl: string;
  readonly secrets: MadeSecrets;
  readonly login: Login;
  readonly hasRabbitmq: boolean;
}

/** What the users of the appliance need: `box env` prints it. URLs of NATS, CouchDB and RabbitMQ bring user and password. */
export async function userEnvironment(options: UserEnvironmentOptions): Promise<Record<string, string>> {
  const { addresses, secrets, login } = options;
  const password = async (name: string): Promise<string> => encodeURIComponent(await secrets.get(name));
  const couchdb = new URL(addresses.COUCHDB_URL);
  couchdb.username = addresses.COUCHDB_USER;
  if (addresses.COUCHDB_USER !== '') couchdb.password = await password('couchdb-password');
  const nats = addresses.NATS_URL.replace('//', `//${addresses.NATS_USER}:${await password('nats-password')}@`);
  const amqp = addresses.AMQP_URL.replace('//', `//${addresses.AMQP_USER}:${await password('amqp-password')}@`);
  return {
    BOX_GATEWAY: options.gatewayUrl,
    BOX_API_KEY: await secrets.get(API_KEY_SECRET),
    BOX_CONNECTOR: options.connectorUrl,
    OPENFAAS_URL: options.gatewayUrl,
    OPENFAAS_USER: login.user,
    OPENFAAS_PASSWORD: login.password,
    NATS_URL: nats,
    MQTT_URL: options.mqttUrl,
    COUCHDB_URL: couchdb.href.replace(/\/$/, ''),
    S3_ENDPOINT: addresses.S3_ENDPOINT,
    S3_REGION: 'us-east-1',
    S3_ACCESS_KEY: await secrets.get('s3-access-key'),
    S3_SECRET_KEY: await secrets.get('s3-secret-key'),
    ...(options.hasRabbitmq && { AMQP_URL: amqp }),
  };
}
