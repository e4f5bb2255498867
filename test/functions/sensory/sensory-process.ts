import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Dispatcher, request } from 'undici';
import type { S3Options } from '#lib/blob/s3.ts';
import { type Child, startChild } from '../../../local/server/child-process.ts';
import { untilReady } from '../../../local/server/until-ready.ts';
import { temporaryFolder } from '../../support/servers.ts';

export const API_KEY = 'the key of the box';

const RUNTIME = fileURLToPath(new URL('../../../templates/box-node/index.ts', import.meta.url));
const FUNCTION = fileURLToPath(new URL('../../../functions/sensory', import.meta.url));

export interface SensoryOptions {
  readonly s3: S3Options;
  readonly couchdbUrl: string;
  readonly couchdbDatabase: string;
  /** With its virtual host. */
  readonly amqpUrl: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly port?: number;
}

/** The function in a process of its own, as the watchdog runs it. */
export interface SensoryProcess extends Pick<Child, 'stop' | 'kill' | 'log'> {
  readonly url: string;
  readonly port: number;
  /** Calls a route with key and version; the answer's JSON. */
  call(method: Dispatcher.HttpMethod, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any answer
  readonly json: any;
}

/** Starts the function under its runtime and resolves once it is ready. */
export async function startSensory(options: SensoryOptions): Promise<SensoryProcess> {
  const secretsDir = join(await temporaryFolder('sensory'), 'secrets');
  const { accessKeyId, secretAccessKey } = await options.s3.credentials();
  const secrets = { 'box-api-key': API_KEY, 's3-access-key': accessKeyId, 's3-secret-key': secretAccessKey };
  await mkdir(secretsDir, { recursive: true });
  for (const [name, value] of Object.entries(secrets)) await writeFile(join(secretsDir, name), value);
  const child = await startChild({
    name: 'sensory',
    command: process.execPath,
    args: [RUNTIME],
    env: {
      PATH: process.env.PATH,
      http_host: '127.0.0.1',
      http_port: String(options.port ?? 0),
      function_path: FUNCTION,
      SECRETS_DIR: secretsDir,
      S3_ENDPOINT: options.s3.endpoint,
      S3_BUCKET: options.s3.bucket,
      COUCHDB_URL: options.couchdbUrl,
      COUCHDB_ORDERS: options.couchdbDatabase,
      AMQP_URL: options.amqpUrl,
      DATASET_NAME: 'digits',
      DATASET_WIDTH: '8',
      DATASET_HEIGHT: '8',
      LIST_SECONDS: '2',
      ...options.env,
    },
  });
  const port = await untilReady(child, async () => listeningPort(child));
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, async (signal) => {
    const { statusCode, body } = await request(`${url}/healthz`, { signal });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`it answered ${statusCode} ${text}`);
  });
  return {
    url,
    port,
    log: child.log,
    stop: child.stop,
    kill: child.kill,
    call: (method, path, body, headers) => call(url, method, path, body, headers),
  };
}

function listeningPort(child: Child): number {
  for (const { text } of child.log.last(50)) {
    const port = /"listening".*?"port":(\d+)|"port":(\d+).*?"listening"/.exec(text);
    if (port) return Number(port[1] ?? port[2]);
  }
  throw new Error('it does not listen yet');
}

async function call(
  url: string,
  method: Dispatcher.HttpMethod,
  path: string,
  body: unknown,
  headers: Record<string, string> = { 'API-ACCESS-KEY': API_KEY, 'API-VERSION': '0.3.0' },
): Promise<Answer> {
  const answer = await request(url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    type: String(answer.headers['content-type']),
    json: text === '' ? undefined : JSON.parse(text),
  };
}
