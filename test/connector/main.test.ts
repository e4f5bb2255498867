import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { readConnectorConfig } from '../../connector/config.ts';
import { freePort } from '../../local/server/free-port.ts';
import { startNats } from '../../local/server/nats.ts';
import { guarded } from '../support/guarded.ts';
import { sharedCouchdb, temporaryFolder, uniqueName } from '../support/servers.ts';
import { until } from './fixture.ts';

const MAIN = fileURLToPath(new URL('../../connector/main.ts', import.meta.url));

describe('connector as a process', () => {
  it('waits for NATS, tells so on /healthz, then works; ends on SIGTERM', async () => {
    const couchdb = await sharedCouchdb();
    const [natsPort, httpPort] = [await freePort(), await freePort()];
    const dataDir = await temporaryFolder('nats');
    const couch = new URL(couchdb.url);
    const secretsDir = await temporaryFolder('secrets');
    await writeFile(`${secretsDir}/couchdb-password`, decodeURIComponent(couch.password));
    await writeFile(`${secretsDir}/nats-password`, 'sesame');
    const env = {
      ...process.env,
      NATS_URL: `nats://127.0.0.1:${natsPort}`,
      NATS_USER: 'box',
      COUCHDB_URL: `${couch.protocol}//${couch.host}`,
      COUCHDB_USER: decodeURIComponent(couch.username),
      COUCHDB_DATABASE: uniqueName('scenarios'),
      GATEWAY_URL: 'http://127.0.0.1:1',
      SECRETS_DIR: secretsDir,
      HTTP_PORT: String(httpPort),
      STREAM_MAX_BYTES: String(16 * 1024 * 1024),
      DEAD_MAX_BYTES: String(16 * 1024 * 1024),
    };
    const child = guarded(
      spawn(process.execPath, [MAIN], { stdio: ['ignore', 'ignore', 'inherit'], detached: true, env }),
    );
    const get = async (path: string) => {
      const response = await request(`http://127.0.0.1:${httpPort}${path}`).catch(() => undefined);
      return { status: response?.statusCode, body: (await response?.body.text()) ?? '' };
    };
    try {
      await until(async () => (await get('/healthz')).status === 503, '/healthz to say that it waits');
      assert.match((await get('/healthz')).body, /waiting for NATS/);
      const nats = await startNats({ dataDir, port: natsPort, user: 'box', password: 'sesame' });
      try {
        await until(async () => (await get('/healthz')).status === 200, 'health');
        assert.match((await get('/metrics')).body, /box_connector_stages 0/);
        assert.equal((await get('/nothing')).status, 404);
        await nats.kill();
        await until(async () => (await get('/healthz')).status === 503, 'the loss to be told');
      } finally {
        await nats.stop();
      }
      child.kill('SIGTERM');
      await once(child, 'exit');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('says every problem of its configuration and ends with 1', async () => {
    const env = { PATH: process.env.PATH, GATEWAY_URL: 'nowhere', MAX_DELIVER: '0' };
    const child = guarded(
      spawn(process.execPath, [MAIN], { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env }),
    );
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 1);
    for (const variable of ['NATS_URL', 'GATEWAY_URL', 'COUCHDB_URL', 'MAX_DELIVER'])
      assert.match(said, new RegExp(variable));
  });

  it('readConnectorConfig has a default for all but addresses', () => {
    const config = readConnectorConfig({ NATS_URL: 'nats://n', GATEWAY_URL: 'http://g/', COUCHDB_URL: 'http://c' });
    assert.deepEqual(
      [config.maxBatchEvents, config.maxDeliver, config.amqpUrl, config.gatewayUrl],
      [256, 5, undefined, 'http://g'],
    );
  });
});
