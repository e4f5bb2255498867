import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import type { Connection } from '../connection.ts';
import type { Finding } from './finding.ts';

/** Where install.sh puts what is of The Box. */
export const BOARD_FOLDER = '/var/lib/faasd/thebox';

const SECRETS = [
  'box-api-key',
  'nats-password',
  'nats-sensor-password',
  'nats-viewer-password',
  'nats-system-password',
  'nats-issuer-seed',
  'couchdb-password',
  'amqp-password',
  's3-root-user',
  's3-root-password',
  's3-access-key',
  's3-secret-key',
];

/**
 * Addresses and keys of the board that this runs on.
 *
 * @throws BoxError `permission_denied` when its secrets are not ours to read.
 */
export async function boardConnection(folder: string): Promise<Connection> {
  const secret = (name: string) => readSecret(folder, name);
  const thebox = async (name: string) => `thebox:${encodeURIComponent(await secret(name))}`;
  return {
    BOX_GATEWAY: 'http://127.0.0.1:8080',
    BOX_API_KEY: await secret('box-api-key'),
    BOX_CONNECTOR: 'http://127.0.0.1:8083',
    PROMETHEUS_URL: 'http://127.0.0.1:9090',
    NATS_URL: 'nats://127.0.0.1:4222',
    NATS_USER: 'thebox',
    NATS_PASSWORD: await secret('nats-password'),
    COUCHDB_URL: `http://${await thebox('couchdb-password')}@127.0.0.1:5984`,
    S3_ENDPOINT: 'http://127.0.0.1:9000',
    S3_ACCESS_KEY: await secret('s3-access-key'),
    S3_SECRET_KEY: await secret('s3-secret-key'),
    AMQP_URL: `amqp://${await thebox('amqp-password')}@127.0.0.1:5672/sensory`,
  };
}

/** Whether every secret is there and its owner's alone. */
export async function checkSecrets(folder: string): Promise<Finding[]> {
  const part = 'secrets';
  const action = 'install.sh install makes those that are missing, install.sh secrets gives them to the functions';
  const there = new Set(await readdir(join(folder, 'secrets')));
  const missing = SECRETS.filter((name) => !there.has(name));
  if (missing.length > 0) return [{ part, state: 'failed', what: `missing: ${missing.join(', ')}`, action }];
  const modes = await Promise.all(SECRETS.map(async (name) => (await stat(join(folder, 'secrets', name))).mode));
  const open = SECRETS.filter((_, i) => ((modes[i] ?? 0) & 0o077) !== 0);
  if (open.length > 0) {
    const close = `chmod 600 ${join(folder, 'secrets')}/*`;
    return [{ part, state: 'warning', what: `others may read ${open.join(', ')}`, action: close }];
  }
  return [{ part, state: 'ok', what: `${SECRETS.length} are there` }];
}

async function readSecret(folder: string, name: string): Promise<string> {
  try {
    return (await readFile(join(folder, 'secrets', name), 'utf8')).trim();
  } catch (cause) {
    const isDenied = cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
    const rule = isDenied ? 'run it as root' : 'install.sh install makes it';
    throw new BoxError(isDenied ? 'permission_denied' : 'unavailable', `Cannot read secret ${name}: ${rule}`, {
      cause,
    });
  }
}
