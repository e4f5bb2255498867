import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { type Child, startChild } from '../../../local/server/child-process.ts';
import { untilReady } from '../../../local/server/until-ready.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { sharedNats, temporaryFolder, uniqueName } from '../../support/servers.ts';
import { API_KEY } from './sensory-process.ts';

const CONNECTOR = fileURLToPath(new URL('../../../connector/main.ts', import.meta.url));

/** The connector in a process of its own, which carries tasks to the function. */
export interface ConnectorProcess {
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the connector; it finds the function through a gateway of its own. */
export async function startConnector(amqpUrl: string, functionUrl: () => string): Promise<ConnectorProcess> {
  const gateway = await startGateway(functionUrl);
  const secretsDir = join(await temporaryFolder('connector'), 'secrets');
  await mkdir(secretsDir);
  await writeFile(join(secretsDir, 'box-api-key'), API_KEY);
  const child = await startChild({
    name: 'connector',
    command: process.execPath,
    args: [CONNECTOR],
    env: {
      PATH: process.env.PATH,
      NATS_URL: (await sharedNats()).url,
      COUCHDB_URL: await couchdbUrl(),
      COUCHDB_DATABASE: uniqueName('scenarios'),
      GATEWAY_URL: gateway.url,
      AMQP_URL: amqpUrl,
      SECRETS_DIR: secretsDir,
      HTTP_PORT: '0',
    },
  });
  await untilReady(child, async () => waitsForTasks(child));
  const end = async (how: () => Promise<void>) => {
    await how();
    await gateway.close();
  };
  return { kill: () => end(child.kill), stop: () => end(child.stop) };
}

function waitsForTasks(child: Child): void {
  if (!child.log.last(100).some(({ text }) => text.includes('waiting for tasks')))
    throw new Error('it does not work yet');
}

/** `/function/sensory` leads to the function. One that is not there is answered as the gateway of OpenFaaS does. */
async function startGateway(functionUrl: () => string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(async (incoming, response) => {
    try {
      const answer = await request(functionUrl(), {
        method: 'POST',
        headers: { ...incoming.headers, host: undefined, 'content-length': undefined, connection: undefined },
        body: incoming,
      });
      response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
      response.end(Buffer.from(await answer.body.arrayBuffer()));
    } catch {
      response.writeHead(502).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
