import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { open } from '../../functions/notification/handler.ts';
import { type ServedFunction, serveFunction } from '../support/served-function.ts';
import { sharedNats, temporaryFolder } from '../support/servers.ts';

const BOX = join(import.meta.dirname, '../../cli/box.ts');

describe('box rule test', () => {
  let served: ServedFunction;
  let gateway: Server;
  let url: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder('rule');
    await writeFile(join(folder, 'box-api-key'), 'secret-key');
    // The gateway's part: the path below the function's name goes to the function.
    gateway = createServer(async (request, response) => {
      const path = (request.url ?? '').replace('/function/notification', '');
      const answer = await fetch(served.url + path, {
        method: request.method ?? 'GET',
        headers: { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' },
        body: await text(request),
      });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(await answer.text());
    });
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    served = await serveFunction(open, {
      GATEWAY_URL: url,
      NATS_URL: (await sharedNats()).url,
      SECRETS_DIR: folder,
      LOG_LEVEL: 'silent',
    });
  });

  after(async () => {
    await served.close();
    await new Promise((resolve) => gateway.close(resolve));
  });

  async function box(args: readonly string[], input = '') {
    const env = { PATH: process.env.PATH, BOX_GATEWAY: url, BOX_API_KEY: 'secret-key' };
    const child = spawn(process.execPath, [BOX, ...args], { cwd: folder, env });
    child.stdin.end(input);
    const ended = once(child, 'exit');
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    return { out, err, code: code as unknown };
  }

  it('says what a rule comes to on each prediction of a file, and where it fails', async () => {
    const file = join(folder, 'predictions.json');
    await writeFile(file, JSON.stringify([{ t: { data: [31] } }, { u: { data: [1] } }]));
    const { out, code, err } = await box(['rule', 'test', "prediction['t'].data[0] > 30", '--file', file]);
    assert.equal(err, '');
    assert.equal(code, 0);
    assert.match(
      out,
      /^PREDICTION +HOLDS +TYPE +VALUE +STEPS\n0 +true +\S*bool\S* +true +\d+\n1 +error +Cannot .*KeyError/,
    );
  });

  it('takes one prediction from standard input, and answers JSON', async () => {
    const args = ['--json', 'rule', 'test', 'len(prediction)', '--file', '-'];
    const { out } = await box(args, JSON.stringify({ t: { data: [31] } }));
    const { results } = JSON.parse(out) as { results: { value: unknown; type: unknown }[] };
    assert.deepEqual([results[0]?.value, results[0]?.type], [1, 'int']);
  });

  it('ends with the code of bad usage for an expression that is none, and says where', async () => {
    const { code, err } = await box(['rule', 'test', 'prediction.__class__', '--file', '-'], '{"t":{"data":[1]}}');
    assert.equal(code, 2);
    assert.match(err, /line 1, column 12/);
  });

  it('asks for either a file or a scenario', async () => {
    const { code, err } = await box(['rule', 'test', 'True']);
    assert.equal(code, 2);
    assert.match(err, /give either --scenario or --file/);
  });
});
