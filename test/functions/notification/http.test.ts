import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { doorSubject } from '#lib/bus/subjects.ts';
import { open } from '../../../functions/notification/handler.ts';
import { type Fixture, openFixture } from '../../connector/fixture.ts';
import { type ServedFunction, serveFunction } from '../../support/served-function.ts';
import { rulesRecord } from './support/storm.ts';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A receiver of webhooks: refuses the first so many of each notification. */
async function openReceiver(refuseFirst: number) {
  const received: Received[] = [];
  const taken: Received[] = [];
  const tries = new Map<string, number>();
  const waiting: { holds: () => boolean; resolve: () => void }[] = [];
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = { headers: request.headers, body: Buffer.concat(chunks).toString() };
    const id = String(request.headers['webhook-id']);
    const count = (tries.get(id) ?? 0) + 1;
    tries.set(id, count);
    received.push(one);
    const isTaken = count > refuseFirst;
    if (isTaken) taken.push(one);
    response.writeHead(isTaken ? 204 : 503).end();
    for (const each of waiting) if (each.holds()) each.resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    taken,
    /** Resolves once one was taken that is so. */
    arrival: (isSo: (body: string) => boolean) => {
      const holds = () => taken.some(({ body }) => isSo(body));
      return holds()
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            waiting.push({ holds, resolve });
          });
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

const KEY = { authorization: 'Bearer secret-key' };
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('function notification over HTTP', () => {
  let fixture: Fixture;
  let served: ServedFunction;
  let receiver: Awaited<ReturnType<typeof openReceiver>>;
  let env: Record<string, string>;

  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(served.url + path, { ...init, headers: { ...KEY, ...init.headers } });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const post = (path: string, body: unknown) =>
    call(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

  before(async () => {
    fixture = await openFixture();
    receiver = await openReceiver(1);
    const plain = rulesRecord('house', [
      {
        rule_name: 'hot',
        rule_content: "prediction['t'].data[0] > 30",
        notification_id: 'heat',
        notify_on: 'change',
        resolve: true,
      },
    ]);
    const definition = plain.scenario.scenario_definition.notification_definition;
    assert.ok(definition);
    const webhooks = [{ url: receiver.url, secret: 'webhook-test' }];
    const record = {
      ...plain,
      scenario: {
        ...plain.scenario,
        scenario_definition: { notification_definition: { ...definition, webhooks } },
      },
    };
    fixture.gateway.functions.set('orchestrator', () => ({ status: 200, body: JSON.stringify(record) }));
    await writeFile(join(fixture.secretsDir, 'webhook-test'), SECRET);
    env = {
      GATEWAY_URL: fixture.gateway.url,
      NATS_URL: fixture.natsUrl,
      SECRETS_DIR: fixture.secretsDir,
      LOG_LEVEL: 'silent',
      WEBHOOK_HOSTS: '127.0.0.1',
      MAX_WAIT_SECONDS: '20',
    };
    served = await serveFunction(open, env);
    fixture.gateway.functions.set('notification', async ({ headers, body }) => {
      const { connection: _, 'transfer-encoding': __, ...rest } = headers;
      const init = { method: 'POST', headers: rest as Record<string, string>, body: new Uint8Array(body) };
      const answer = await fetch(`${served.url}/`, init);
      return { status: answer.status, headers: { 'content-type': 'application/json' }, body: await answer.text() };
    });
    await fixture.put(record);
  });

  after(async () => {
    await served.close();
    await receiver.close();
    await fixture.close();
  });

  const send = (t: number, source = 'roof') =>
    fixture.send('house-in', { correlation_id: 'c', prediction_data: { t: { data: [t] } } }, { source });

  it('GET /notification waits for what comes, and goes on from its cursor', async () => {
    const empty = await call('/notification?scenario=house');
    assert.deepEqual([empty.status, empty.body.notifications], [200, []]);
    const waiting = call(`/notification?scenario=house&since=${empty.body.next}&wait=20`);
    await send(31);
    const first = (await waiting).body as {
      notifications: { cursor: string; data: { status: string } }[];
      next: string;
    };
    assert.equal(first.notifications[0]?.data.status, 'firing');
    assert.equal(first.next, first.notifications[0]?.cursor);
    await send(20);
    const second = await call(`/notification?scenario=house&since=${first.next}&wait=20`);
    assert.match(JSON.stringify(second.body), /"status":"resolved"/);
    const all = await call('/notification?scenario=house&limit=1');
    assert.deepEqual((all.body.notifications as unknown[]).length, 1);
    const other = await call('/notification?scenario=house&source=cellar');
    assert.deepEqual(other.body.notifications, []);
  });

  it('GET /notification refuses what it does not understand', async () => {
    assert.equal((await call('/notification')).status, 400);
    assert.equal((await call('/notification?scenario=house&since=yesterday')).status, 400);
    assert.equal((await call('/notification?scenario=house&limit=0')).status, 400);
  });

  it('GET /notification streams with Accept: text/event-stream, and goes on after Last-Event-ID', async () => {
    const { body } = await call('/notification?scenario=house&limit=1');
    const stop = new AbortController();
    const response = await fetch(`${served.url}/notification?scenario=house`, {
      headers: { ...KEY, accept: 'text/event-stream', 'last-event-id': String(body.next) },
      signal: stop.signal,
    });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('event: notification') && text.trimEnd().endsWith('}')) break;
    }
    assert.match(text, /^retry: 1000\n\nid: \d+\nevent: notification\ndata: {"cursor":"\d+",.*"status":"resolved"/);
    stop.abort();
  });

  it('webhooks are signed, tried again, and have an id by which a receiver knows them again', async () => {
    await receiver.arrival((body) => body.includes('"status":"resolved"'));
    const [one, two] = receiver.taken;
    assert.ok(one && two);
    assert.equal(receiver.received.length, 4, 'each was refused once');
    const { headers, body } = one;
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(signed).digest('base64');
    assert.equal(headers['webhook-signature'], `v1,${signature}`);
    assert.equal(headers['idempotency-key'], headers['webhook-id']);
    const parsed = JSON.parse(body) as { type: string; timestamp: string; data: { status: string } };
    assert.deepEqual([parsed.type, parsed.data.status], ['thebox.notification', 'firing']);
    assert.match(two.body, /"status":"resolved"/, 'in order within the group');
  });

  it('webhooks that were not sent when the function stopped are sent when it is there again', async () => {
    await served.close();
    // The connector waits for the function meanwhile.
    await send(33, 'cellar');
    served = await serveFunction(open, env);
    // One whose acknowledgement was lost when the function stopped may come once more before it.
    await receiver.arrival((body) => body.includes('"source":"cellar"'));
  });

  it('GET /alert and POST /alert/{id}/ack', async () => {
    const { body } = await call('/alert?scenario=house&state=open');
    const [alert] = body.alerts as { id: string; group: string }[];
    assert.equal(alert?.group, 'cellar');
    const acked = await post(`/alert/${alert?.id}/ack`, { by: 'Ada', note: 'seen' });
    assert.deepEqual([acked.status, acked.body.state], [200, 'acknowledged']);
    assert.equal((await post(`/alert/${alert?.id}/ack`, {})).status, 400);
    assert.equal((await post(`/alert/${alert?.id}/snooze`, { by: 'Ada', until: '2020-01-01T00:00:00Z' })).status, 400);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    assert.equal((await post(`/alert/${alert?.id}/snooze`, { by: 'Ada', until })).body.until, until);
    assert.equal((await post(`/alert/${alert?.id}/resolve`, { by: 'Ada' })).body.state, 'resolved');
    assert.equal((await post(`/alert/${alert?.id}/resolve`, { by: 'Ada' })).status, 409);
    assert.equal((await call('/alert/none')).status, 404);
    assert.equal((await call('/alert?scenario=house&state=odd')).status, 400);
    for (const since of ['yesterday', '%2B012345-01-01T00:00:00Z', '-000001-01-01T00:00:00Z']) {
      assert.equal((await call(`/notification?scenario=house&since=${since}`)).status, 400, since);
    }
  });

  it('POST /rule/test says what an expression comes to', async () => {
    const predictions = [{ t: { data: [31, 5] } }, { prediction_data: { u: { data: [1] } }, source: 's' }];
    const { status, body } = await post('/rule/test', { expression: "prediction['t'].data", predictions });
    assert.equal(status, 200);
    const [value, error] = body.results as [Record<string, unknown>, { error: Record<string, unknown> }];
    assert.deepEqual({ ...value, steps: 0 }, { id: '0', value: [31, 5], type: 'ndarray', truthy: null, steps: 0 });
    assert.deepEqual([error.error.error, error.error.line, error.error.column], ['KeyError', 1, 11]);
    const refused = await post('/rule/test', { expression: 'prediction.__class__', predictions });
    assert.deepEqual([refused.status, refused.body.line], [400, 1]);
  });

  it('POST /rule/test tries the last predictions of a scenario', async () => {
    const { body } = await post('/rule/test', { expression: "prediction['t'].data[0]", scenario: 'house', last: 2 });
    const results = body.results as { value: number }[];
    assert.deepEqual(
      results.map(({ value }) => value),
      [20, 33],
    );
  });

  it('POST /rule/test also tries what sources and the HTTP door brought where nobody else may publish', async () => {
    const prediction = { prediction_data: { t: { data: [12] } } };
    await fixture.send(doorSubject('cellar', 'house-in'), prediction, { source: 'said to be the roof' });
    await fixture.send('house-in.attic', prediction);
    const { body } = await post('/rule/test', { expression: 'source', scenario: 'house', last: 2 });
    const results = body.results as { value: string }[];
    assert.deepEqual(
      results.map(({ value }) => value),
      ['cellar', 'attic'],
    );
  });

  it('POST /rule/test takes fewer of the last predictions where they are large', async () => {
    const large = { prediction_data: { t: { data: [1] } }, note: 'x'.repeat(7 * 1024 * 1024) };
    for (let n = 0; n < 3; n++) await fixture.send('house-in', large);
    const { status, body } = await post('/rule/test', { expression: 'True', scenario: 'house', last: 10 });
    assert.deepEqual([status, (body.results as unknown[]).length], [200, 1]);
  });
});
