import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openScenarioClient, type ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import { recordOf, scenarioOf } from '../../support/scenario.ts';
import { temporaryFolder } from '../../support/servers.ts';

describe('ScenarioClient', () => {
  let server: Server;
  let asked: string[];
  let status: number;
  let contentType: string;
  let rev: string;
  let client: ScenarioClient;
  /** The same, but nothing is believed for longer than it takes to ask again. */
  let forgetful: ScenarioClient;

  before(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.headers.authorization} ${request.url}`);
      response.writeHead(status, { 'content-type': contentType });
      response.end(JSON.stringify(recordOf('a', scenarioOf('a'), rev)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const folder = await temporaryFolder('scenario-client');
    await writeFile(join(folder, 'box-api-key'), 'k1');
    const gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { gatewayUrl, secrets: openSecretFiles(folder) };
    client = openScenarioClient({ ...options, freshMs: 3_600_000 });
    forgetful = openScenarioClient({ ...options, maxKept: 1, freshMs: 1 });
  });
  beforeEach(() => {
    asked = [];
    status = 200;
    contentType = 'application/problem+json';
    rev = '1-a';
  });
  after(() => server.close());

  it('get asks for a revision once, with the key', async () => {
    const [one, two] = await Promise.all([client.get('a', '1-a'), client.get('a', '1-a')]);
    assert.equal(one, two);
    assert.equal(one.scenario.scenario_name, 'a');
    assert.deepEqual(asked, ['Bearer k1 /function/orchestrator/scenario/a?rev=1-a']);
  });

  it('get does not keep a failure', async () => {
    status = 500;
    await assert.rejects(client.get('a', '2-b'), { code: 'unavailable' });
    status = 404;
    await assert.rejects(client.get('a', '2-b'), { code: 'not_found' });
    status = 200;
    assert.equal((await client.get('a', '2-b')).id, 'a');
  });

  it('current is asked for once while it is fresh', async () => {
    await client.current('a');
    await client.current('a');
    assert.deepEqual(asked, ['Bearer k1 /function/orchestrator/scenario/a']);
  });

  it('current is the last one known while the orchestrator is away, and gone when it says so', async () => {
    assert.equal((await forgetful.current('a')).rev, '1-a');
    status = 503;
    // Another scenario pushes the fresh entry out.
    await assert.rejects(forgetful.current('never known'), { code: 'unavailable' });
    assert.equal((await forgetful.current('a')).rev, '1-a');
    status = 404;
    await assert.rejects(forgetful.current('another'), { code: 'not_found' });
    await assert.rejects(forgetful.current('a'), { code: 'not_found' });
  });

  it('takes the 404 of a gateway that knows no orchestrator at the moment for nothing', async () => {
    assert.equal((await forgetful.current('a')).rev, '1-a');
    status = 404;
    contentType = 'text/plain; charset=utf-8';
    await assert.rejects(client.get('a', '3-c'), { code: 'unavailable' });
    await assert.rejects(forgetful.current('unknown'), { code: 'unavailable' });
    assert.equal((await forgetful.current('a')).rev, '1-a');
  });
});
