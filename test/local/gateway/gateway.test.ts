import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { DeployedFunction, FunctionTable } from '../../../local/gateway/function-table.ts';
import { type Gateway, openGateway } from '../../../local/gateway/gateway.ts';
import { LogBuffer } from '../../../local/server/log-buffer.ts';

const LOGIN = { user: 'admin', password: 'secret' };
const AUTHORIZATION = `Basic ${Buffer.from('admin:secret').toString('base64')}`;

describe('openGateway', () => {
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let server: Server;
  let deployed: DeployedFunction & { available: boolean; maxInflight: number };
  let gateway: Gateway;

  beforeEach(async () => {
    server = createServer((request, response) => answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert(typeof address === 'object' && address !== null);
    deployed = {
      name: 'echo',
      origin: `http://127.0.0.1:${address.port}`,
      available: true,
      image: 'box/echo',
      process: 'node index.ts',
      labels: { role: 'test' },
      annotations: {},
      secrets: ['box-api-key'],
      maxInflight: 0,
      createdAt: new Date(0),
      log: new LogBuffer(),
    };
    gateway = await openGateway({ functions: table(), login: LOGIN });
  });

  function table(): FunctionTable {
    return { find: (name) => (name === 'echo' ? deployed : undefined), list: () => [deployed] };
  }

  afterEach(async () => {
    await gateway.close();
    server.closeAllConnections();
    server.close();
  });

  function system(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${gateway.url}/system/${path}`, { ...init, headers: { authorization: AUTHORIZATION } });
  }

  describe('/function/NAME', () => {
    it('passes method, path, query, headers and body on, and the answer back', async () => {
      answer = (request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => {
          response.writeHead(201, { 'X-Made': 'yes', 'Set-Cookie': ['a=1', 'b=2'] });
          response.end(`${request.method} ${request.url} ${request.headers['x-mine']} ${Buffer.concat(chunks)}`);
        });
      };
      const url = `${gateway.url}/function/echo/a%20b/c%2Fd?x=1&y=%2F`;
      const response = await fetch(url, { method: 'PUT', headers: { 'X-Mine': 'kept' }, body: 'hello' });
      assert.equal(response.status, 201);
      assert.equal(response.headers.get('x-made'), 'yes');
      assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
      assert.equal(await response.text(), 'PUT /a%20b/c/d?x=1&y=%2F kept hello');
    });

    it('serves NAME without a path and NAME.openfaas-fn as well', async () => {
      answer = (request, response) => response.end(request.url);
      assert.equal(await (await fetch(`${gateway.url}/function/echo`)).text(), '/');
      assert.equal(await (await fetch(`${gateway.url}/function/echo.openfaas-fn/x`)).text(), '/x');
    });

    it('an answer that comes before the body was read reaches the caller, who may go on to send', async () => {
      answer = (incoming, response) => {
        response.writeHead(403);
        response.end('no');
        incoming.resume();
      };
      const outgoing = request(`${gateway.url}/function/echo`, { method: 'POST' });
      const ended = once(outgoing, 'finish');
      const answered = once(outgoing, 'response');
      outgoing.write(Buffer.alloc(20_000_000));
      const [incoming] = await answered;
      assert.equal(incoming.statusCode, 403);
      assert.equal(await text(incoming), 'no');
      outgoing.end(Buffer.alloc(5_000_000));
      await ended;
    });

    it('tells the function the call id, the start time and the host that was asked', async () => {
      answer = (request, response) => response.end(JSON.stringify(request.headers));
      const response = await fetch(`${gateway.url}/function/echo`, { headers: { 'X-Call-Id': 'mine' } });
      const seen = JSON.parse(await response.text());
      assert.equal(seen['x-call-id'], 'mine');
      assert.equal(response.headers.get('x-call-id'), 'mine');
      assert.match(seen['x-start-time'], /^\d{19}$/);
      assert.equal(seen['x-forwarded-host'], new URL(gateway.url).host);
      assert.match(seen['x-forwarded-for'], /^127\.0\.0\.1:\d+$/);
    });

    it('makes a call id when the caller brings none', async () => {
      answer = (_request, response) => response.end();
      const response = await fetch(`${gateway.url}/function/echo`);
      assert.match(response.headers.get('x-call-id') ?? '', /^[0-9a-f-]{36}$/);
    });

    it('streams both ways: the answer begins while the request is still being sent', async () => {
      answer = (request, response) => {
        response.writeHead(200);
        request.pipe(response);
      };
      const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
      const writer = writable.getWriter();
      const init: RequestInit = { method: 'POST', body: readable, duplex: 'half' };
      const responding = fetch(`${gateway.url}/function/echo`, init);
      await writer.write(Buffer.from('first'));
      const reader = (await responding).body?.getReader();
      assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first');
      await writer.write(Buffer.from('second'));
      assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'second');
      await writer.close();
      assert.equal((await reader?.read())?.done, true);
    });

    it('passes a body of 8 MiB on whole', async () => {
      answer = (request, response) => request.pipe(response);
      const body = Buffer.alloc(8 * 1024 * 1024, 'abc');
      const response = await fetch(`${gateway.url}/function/echo`, { method: 'POST', body });
      assert(Buffer.from(await response.arrayBuffer()).equals(body));
    });

    it('answers 404 in its own name to a function that is not there', async () => {
      const response = await fetch(`${gateway.url}/function/nobody`);
      assert.equal(response.status, 404);
      assert.equal(response.headers.get('x-openfaas-internal'), 'gateway');
    });

    it('answers 503 while a function is being started, and says when to come again', async () => {
      deployed.available = false;
      const response = await fetch(`${gateway.url}/function/echo`, { method: 'POST', body: 'x' });
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '1');
    });

    it('answers 502 when nobody listens, and when the function ends in the middle of a call', async () => {
      answer = (request) => request.socket.destroy();
      const cut = await fetch(`${gateway.url}/function/echo`, { method: 'POST', body: 'x' });
      assert.equal(cut.status, 502);
      server.close();
      const gone = await fetch(`${gateway.url}/function/echo`, { method: 'POST', body: 'x' });
      assert.equal(gone.status, 502);
      assert.equal(gone.headers.get('x-openfaas-internal'), 'gateway');
    });

    it('cuts the connection when the function ends in the middle of its answer', async () => {
      answer = (_request, response) => {
        response.writeHead(200);
        response.write('half', () => response.destroy());
      };
      const response = await fetch(`${gateway.url}/function/echo`);
      await assert.rejects(response.text());
    });

    it('answers 429 beyond max_inflight, and takes calls again once one is answered', async () => {
      deployed.maxInflight = 1;
      const first = Promise.withResolvers<ServerResponse>();
      answer = (_request, response) => first.resolve(response);
      const pending = fetch(`${gateway.url}/function/echo`);
      const held = await first.promise;
      assert.equal((await fetch(`${gateway.url}/function/echo`)).status, 429);
      held.end();
      assert.equal((await pending).status, 200);
      answer = (_request, response) => response.end();
      assert.equal((await fetch(`${gateway.url}/function/echo`)).status, 200);
    });

    it('answers 504 when the function takes too long', async () => {
      answer = () => undefined;
      const impatient = await openGateway({ functions: table(), login: LOGIN, upstreamTimeoutMs: 50 });
      try {
        assert.equal((await fetch(`${impatient.url}/function/echo`)).status, 504);
      } finally {
        await impatient.close();
      }
    });

    it('ends the call to the function when its caller goes', async () => {
      const called = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      answer = (request) => {
        called.resolve();
        request.socket.on('close', () => ended.resolve());
      };
      const caller = new AbortController();
      const calling = fetch(`${gateway.url}/function/echo`, { signal: caller.signal });
      await called.promise;
      caller.abort();
      await assert.rejects(calling, { name: 'AbortError' });
      await ended.promise;
    });
  });

  it('redirects // and .. to the plain path, as OpenFaaS does', async () => {
    const response = await fetch(`${gateway.url}//function//echo/?x=1`, { redirect: 'manual' });
    assert.equal(response.status, 301);
    assert.equal(response.headers.get('location'), '/function/echo/?x=1');
  });

  it('answers GET /healthz to anybody', async () => {
    assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
  });

  describe('/system', () => {
    it('answers 401 without the password', async () => {
      const response = await fetch(`${gateway.url}/system/functions`);
      assert.equal(response.status, 401);
      assert.equal(response.headers.get('www-authenticate'), 'Basic realm="Restricted"');
    });

    it('lists functions with their invocations and whether they are up', async () => {
      answer = (_request, response) => response.end();
      await (await fetch(`${gateway.url}/function/echo`)).text();
      const expected = { name: 'echo', invocationCount: 1, replicas: 1 };
      assert.partialDeepStrictEqual(await (await system('functions')).json(), [{ ...expected, availableReplicas: 1 }]);
      deployed.available = false;
      const one = await (await system('function/echo')).json();
      assert.partialDeepStrictEqual(one, { ...expected, availableReplicas: 0 });
    });

    it('has one namespace, and nothing in another', async () => {
      assert.deepEqual(await (await system('namespaces')).json(), ['openfaas-fn']);
      assert.deepEqual(await (await system('functions?namespace=other')).json(), []);
      assert.equal((await system('function/echo?namespace=other')).status, 404);
    });

    it('says what it is', async () => {
      const info = await (await system('info')).json();
      assert.partialDeepStrictEqual(info, { provider: { orchestration: 'processes' } });
    });

    it('gives the last lines of a log as one JSON object a line', async () => {
      for (const line of ['one', 'two', 'three']) deployed.log.add(line);
      const lines = (await (await system('logs?name=echo&tail=2')).text()).trim().split('\n');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).text),
        ['two', 'three'],
      );
      assert.equal((await system('logs?name=nobody')).status, 404);
    });

    it('follows a log until its reader goes', async () => {
      deployed.log.add('before');
      const reader = (await system('logs?name=echo&follow=true')).body?.getReader();
      assert.match(Buffer.from((await reader?.read())?.value ?? []).toString(), /"before"/);
      deployed.log.add('after');
      assert.match(Buffer.from((await reader?.read())?.value ?? []).toString(), /"after"/);
      await reader?.cancel();
    });

    for (const [method, path] of [
      ['POST', 'functions'],
      ['PUT', 'functions'],
      ['DELETE', 'functions'],
      ['POST', 'scale-function/echo'],
      ['GET', 'secrets'],
    ] as const) {
      it(`answers 501 to ${method} /system/${path}, and says where to deploy`, async () => {
        const response = await system(path, { method });
        assert.equal(response.status, 501);
        assert.match(await response.text(), /stack\.yml/);
      });
    }
  });
});
