import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxError } from '#lib/error/box-error.ts';
import type { FunctionContext, FunctionEvent, OpenedFunction } from '#lib/function/contract.ts';
import { type EventBatch, settleEach } from '#lib/function/event-batch.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { jsonBody } from '#lib/function/route.ts';
import { openLog } from '#lib/log/log.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

/** The context as a runtime has it: it records what the handler answers. */
async function call(fn: OpenedFunction, event: Partial<FunctionEvent>): Promise<Answer> {
  const answer: Answer = { status: 200, headers: {}, body: undefined };
  const context: FunctionContext = {
    status(code) {
      answer.status = code;
      return context;
    },
    headers(values) {
      Object.assign(answer.headers, values);
      return context;
    },
    succeed(value) {
      answer.body = typeof value === 'string' && value.startsWith('{') ? JSON.parse(value) : value;
    },
    fail(value) {
      throw value;
    },
  };
  await fn.handle({ body: Buffer.alloc(0), headers: {}, method: 'GET', query: {}, path: '/', ...event }, context);
  return answer;
}

describe('openFunction', () => {
  let folder: string;
  let fn: OpenedFunction;
  const batches: EventBatch[] = [];
  const KEY = { authorization: 'Bearer k1' };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'box-function-'));
    await writeFile(join(folder, 'box-api-key'), 'k1');
    fn = await openFunction({
      name: 'probe',
      log: openLog('probe', 'silent'),
      secrets: openSecretFiles(folder),
      routes: [
        { method: 'GET', path: '/thing/:id', handle: async ({ params }) => ({ status: 200, body: { id: params.id } }) },
        {
          method: 'PUT',
          path: '/thing/:id',
          handle: async (request) => ({ status: 200, body: { got: jsonBody(request) } }),
        },
        { method: 'GET', path: '/open', access: 'open', handle: async () => ({ status: 200, body: 'hello' }) },
        {
          method: 'GET',
          path: '/busy',
          handle: async () => {
            throw new BoxError('unavailable', 'Cannot do it: busy', { retryAfterSeconds: 1.2 });
          },
        },
        {
          method: 'GET',
          path: '/broken',
          handle: async () => {
            throw new TypeError('internals');
          },
        },
      ],
      processEvents: async (batch) => {
        batches.push(batch);
        const results = await settleEach(batch.events, (event) => {
          if (event.data === 'bad') throw new BoxError('invalid_argument', 'Cannot take bad: it is bad');
          return [event];
        });
        return { results };
      },
    });
  });
  after(() => rm(folder, { recursive: true }));

  it('does not start without a key', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'box-function-'));
    await assert.rejects(
      openFunction({ name: 'x', log: openLog('x', 'silent'), secrets: openSecretFiles(empty) }),
      (error: unknown) => error instanceof BoxError && /box-api-key/.test(error.message),
    );
    await rm(empty, { recursive: true });
  });

  it('asks for the key in either header, and tells none from wrong', async () => {
    assert.equal((await call(fn, { path: '/thing/7' })).status, 401);
    assert.equal((await call(fn, { path: '/thing/7', headers: { authorization: 'Bearer k2' } })).status, 403);
    assert.equal((await call(fn, { path: '/thing/7', headers: { 'API-ACCESS-KEY': 'k1' } })).status, 200);
    assert.deepEqual((await call(fn, { path: '/thing/7', headers: KEY })).body, { id: '7' });
    assert.equal((await call(fn, { path: '/open' })).body, 'hello');
  });

  it('answers an unknown route with 404 and a wrong method with 405 and Allow', async () => {
    assert.equal((await call(fn, { path: '/nothing', headers: KEY })).status, 404);
    const wrong = await call(fn, { path: '/thing/7', method: 'DELETE', headers: KEY });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.allow, 'GET, PUT');
  });

  it('answers bad JSON with where it stopped and a wrong type with 415', async () => {
    const bad = await call(fn, { method: 'PUT', path: '/thing/1', headers: KEY, body: Buffer.from('{"a":') });
    assert.equal(bad.status, 400);
    assert.equal(bad.headers['content-type'], 'application/problem+json');
    const typed = { ...KEY, 'content-type': 'image/png' };
    assert.equal(
      (await call(fn, { method: 'PUT', path: '/thing/1', headers: typed, body: Buffer.from('{}') })).status,
      415,
    );
  });

  it('sends Retry-After in whole seconds and hides internals', async () => {
    const busy = await call(fn, { path: '/busy', headers: KEY });
    assert.equal(busy.status, 503);
    assert.equal(busy.headers['retry-after'], '2');
    const broken = await call(fn, { path: '/broken', headers: KEY });
    assert.equal(broken.status, 500);
    assert.ok(!JSON.stringify(broken.body).includes('internals'));
  });

  it('gives each event of a batch its own result', async () => {
    const batch = ['good', 'bad'].map((data, i) => ({
      specversion: '1.0',
      id: String(i),
      source: 's',
      type: 't',
      data,
    }));
    const headers = {
      ...KEY,
      'content-type': 'application/cloudevents-batch+json',
      'box-scenario': 'a',
      'box-scenario-rev': '1',
    };
    const answer = await call(fn, { method: 'POST', headers, body: Buffer.from(JSON.stringify(batch)) });
    assert.deepEqual(answer.body, {
      results: [
        { id: '0', events: [batch[0]] },
        { id: '1', error: { code: 'invalid_argument', message: 'Cannot take bad: it is bad', retry: false } },
      ],
    });
    assert.equal(batches.at(-1)?.scenarioId, 'a');
  });

  it('reads one event in HTTP binary mode', async () => {
    const headers = {
      ...KEY,
      'content-type': 'image/png',
      'ce-specversion': '1.0',
      'ce-id': '9',
      'ce-source': 'caf%C3%A9',
      'ce-type': 'thebox.signal',
      'box-scenario': 'a',
      'box-scenario-rev': '1',
    };
    await call(fn, { method: 'POST', headers, body: Buffer.from([137, 80]) });
    assert.deepEqual(batches.at(-1)?.events, [
      {
        specversion: '1.0',
        id: '9',
        source: 'café',
        type: 'thebox.signal',
        datacontenttype: 'image/png',
        data_base64: 'iVA=',
      },
    ]);
  });

  it('refuses events without scenario headers', async () => {
    const headers = { ...KEY, 'content-type': 'application/cloudevents-batch+json' };
    assert.equal((await call(fn, { method: 'POST', headers, body: Buffer.from('[]') })).status, 400);
  });

  it('counts requests and events', async () => {
    const metrics = await fn.metrics();
    assert.match(metrics, /box_request_duration_seconds_count\{function="probe",route="\/thing\/:id",status="200"\} 2/);
    assert.match(metrics, /box_events_total\{outcome="dead",function="probe"\} 1/);
  });
});
