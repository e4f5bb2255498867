import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openJetStreamStatusWriter, type StatusWriter } from '#lib/bus/jetstream-stage-status.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { open } from '../../../../functions/orchestrator/handler.ts';
import { couchdbUrl, openTestDatabase } from '../../../support/couchdb-database.ts';
import { serveFunction } from '../../../support/served-function.ts';
import { sharedNats, temporaryFolder } from '../../../support/servers.ts';
import { startVerifier } from './verifier.ts';

export const KEY = 'the-key-of-the-box';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** JSON where it is JSON, else text. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into answers of many forms.
  readonly body: any;
}

export interface TestOrchestrator {
  readonly url: string;
  /** Calls a route with the key; a body that is not text is sent as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** What the connector would write. */
  readonly status: StatusWriter;
  close(): Promise<void>;
}

/** The orchestrator over HTTP, with a database of its own, NATS, and something that verifies models. */
export async function startOrchestrator(env: Record<string, string> = {}): Promise<TestOrchestrator> {
  const [database, nats, verifier] = await Promise.all([openTestDatabase(), sharedNats(), startVerifier()]);
  const secrets = await temporaryFolder('secrets');
  await writeFile(join(secrets, 'box-api-key'), KEY);
  const served = await serveFunction(open, {
    COUCHDB_URL: await couchdbUrl(),
    COUCHDB_DATABASE: database.name,
    GATEWAY_URL: verifier.url,
    NATS_URL: nats.url,
    SECRETS_DIR: secrets,
    APPLY_WAIT_MS: '0',
    LOG_LEVEL: 'silent',
    ...env,
  });
  const connection = await connectNats({ url: nats.url, name: 'connector-of-the-test' });
  return {
    url: served.url,
    status: await openJetStreamStatusWriter(connection),
    call: (method, path, body, headers) => callUrl(served.url + path, method, body, headers),
    async close() {
      await served.close();
      await Promise.all([connection.close(), database.close(), verifier.close()]);
    },
  };
}

async function callUrl(
  url: string,
  method: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /\bjson\b/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
