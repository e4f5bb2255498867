import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import { openSourceClient, type SourceClient } from '#lib/source/source-client.ts';
import { temporaryFolder } from '../../support/servers.ts';

describe('SourceClient', () => {
  let server: Server;
  let status: number;
  let contentType: string;
  let client: SourceClient;

  before(async () => {
    server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': contentType });
      response.end(JSON.stringify({ id: 'a', rev: '1-a', source: {} }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const folder = await temporaryFolder('source-client');
    await writeFile(join(folder, 'box-api-key'), 'k1');
    const gatewayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = openSourceClient({ gatewayUrl, secrets: openSecretFiles(folder) });
  });
  beforeEach(() => {
    status = 200;
    contentType = 'application/json';
    client.missedNews();
  });
  after(() => server.close());

  it('knows no source where the orchestrator says so', async () => {
    assert.equal((await client.get('a'))?.rev, '1-a');
    status = 404;
    contentType = 'application/problem+json';
    client.changed('a');
    assert.equal(await client.get('a'), undefined);
  });

  it('takes the 404 of a gateway that knows no orchestrator at the moment for nothing', async () => {
    assert.equal((await client.get('a'))?.rev, '1-a');
    status = 404;
    contentType = 'text/plain; charset=utf-8';
    client.changed('a');
    assert.equal((await client.get('a'))?.rev, '1-a');
    await assert.rejects(client.get('b'), { code: 'unavailable' });
  });
});
