import assert from 'node:assert/strict';
import type { OpenedFunction } from '#lib/function/contract.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { open } from '../../../functions/ingestion/handler.ts';
import { answering, type Fixture, openFixture, record } from '../../connector/fixture.ts';
import { NOT_FOUND } from '../../support/scenario.ts';
import { post } from './call.ts';

const KEY = { authorization: 'Bearer secret-key' };

/** A scenario whose signals add up in windows. */
function windowRecord(): ScenarioRecord {
  const made = record('u', {
    ingestion: { in: 'u.in', out: 'u.features' },
    inference: { in: 'u.features', out: 'u.predictions' },
  });
  const { ingestion_definition: ingestion, ...stages } = made.scenario.scenario_definition;
  assert.ok(ingestion);
  const data_descriptor = { ...ingestion.data_descriptor, window: { size_signals: 2 } };
  const scenario_definition = { ...stages, ingestion_definition: { ...ingestion, data_descriptor } };
  return { ...made, scenario: { ...made.scenario, scenario_definition } };
}

/** The connector, with functions that answer as the real ones do, and the door in front. */
describe('POST /signal/{scenario}?wait=1', () => {
  let fixture: Fixture;
  let fn: OpenedFunction;

  before(async () => {
    // A call that took too long would be a dead letter at once.
    fixture = await openFixture({ maxDeliver: 1, invocationTimeoutMs: 60_000 });
    const scenario = record('w', {
      ingestion: { in: 'w.in', out: 'w.features' },
      inference: { in: 'w.features', out: 'w.predictions' },
      notification: { in: 'w.predictions', out: 'w.notifications' },
    });
    const adding = windowRecord();
    const { functions } = fixture.gateway;
    functions.set('orchestrator', ({ path }) =>
      path.includes('/scenario/')
        ? { status: 200, body: JSON.stringify(path.includes('/scenario/u') ? adding : scenario) }
        : NOT_FOUND,
    );
    functions.set(
      'ingestion',
      answering((event) => {
        if (event.data === 'added') return [];
        if (event.data === 'bad') return { error: { code: 'invalid_argument', message: 'bad', retry: false } };
        const values = Array.isArray(event.data) ? event.data : [event.data];
        return values.map((value, i) => ({
          data: value,
          correlationid: Array.isArray(event.data) ? `${event.id}.${i}` : event.id,
        }));
      }),
    );
    const passOn = answering((event) => [{ data: { p: event.data }, correlationid: String(event.correlationid) }]);
    functions.set('inference', passOn);
    functions.set(
      'notification',
      answering((event) => {
        const { p } = event.data as { p: number };
        return p > 5 ? [{ data: { high: p }, correlationid: String(event.correlationid) }] : [];
      }),
    );
    await fixture.put(scenario);
    await fixture.put(adding);
    fn = await open({
      GATEWAY_URL: fixture.gateway.url,
      NATS_URL: fixture.natsUrl,
      SECRETS_DIR: fixture.secretsDir,
      LOG_LEVEL: 'silent',
    });
  });

  after(async () => {
    await fn.close();
    await fixture.close();
  });

  const send = (value: unknown, query = '?wait=1', headers: Record<string, string> = {}) =>
    post(fn, `/signal/w/cam${query}`, JSON.stringify(value), {
      ...KEY,
      'content-type': 'application/json',
      ...headers,
    });

  it('answers with the prediction and the notifications of that signal and of no other', async () => {
    const answers = await Promise.all([send(7), send(1), send(9)]);
    assert.deepEqual(
      answers.map(({ status, body: { correlation_id: _, ...outcome } }) => ({ status, ...outcome })),
      [
        { status: 200, predictions: [{ p: 7 }], notifications: [{ high: 7 }] },
        { status: 200, predictions: [{ p: 1 }], notifications: [] },
        { status: 200, predictions: [{ p: 9 }], notifications: [{ high: 9 }] },
      ],
    );
    const [first] = answers;
    assert.equal(first?.headers['box-correlation-id'], first?.body.correlation_id);
  });

  it('answers for every signal in the body', async () => {
    const { body } = await send([6, 2, 8]);
    assert.deepEqual(body.predictions, [{ p: 6 }, { p: 2 }, { p: 8 }]);
    assert.deepEqual(body.notifications, [{ high: 6 }, { high: 8 }]);
  });

  it('answers the same for a signal that is sent again with its key', async () => {
    const first = await send(7, '?wait=1', { 'idempotency-key': 'again' });
    const second = await send(7, '?wait=true', { 'idempotency-key': 'again' });
    assert.deepEqual(second.body, first.body);
    assert.deepEqual(first.body.notifications, [{ high: 7 }]);
  });

  it('says 422 and which stage, when a stage made nothing of the signal', async () => {
    const { status, body } = await send('bad');
    assert.equal(status, 422);
    assert.equal(body.stage, 'ingestion');
    assert.match(String(body.detail), /stage ingestion made nothing of it; the reason is with the dead letters$/);
  });

  it('answers without predictions for a signal that only adds up to a window', async () => {
    const { status, body } = await post(fn, '/signal/u/cam?wait=1', '"added"', {
      ...KEY,
      'content-type': 'application/json',
    });
    assert.deepEqual([status, body.predictions, body.notifications], [200, [], undefined]);
  });

  it('says 504 with the correlation id when it takes too long; the signal is processed all the same', async () => {
    const { functions } = fixture.gateway;
    const inference = functions.get('inference');
    assert.ok(inference);
    const called = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    functions.set('inference', async (call) => {
      called.resolve();
      await gate.promise;
      return inference(call);
    });
    const key = { 'idempotency-key': 'slow' };
    // Waited for once it has reached the stage that takes long, however long it took to get there.
    assert.equal((await send(7, '', key)).status, 202);
    await called.promise;
    const { status, body } = await send(7, '?wait=1&timeout=1', key);
    functions.set('inference', inference);
    gate.resolve();
    assert.equal(status, 504);
    assert.equal(body.correlation_id, 'slow');
    assert.match(String(body.detail), /stage inference is not done with it yet/);
    assert.deepEqual((await send(7, '?wait=1', key)).body.notifications, [{ high: 7 }]);
  });

  it('refuses a wait that is none, or of a batch', async () => {
    assert.equal((await send(1, '?wait=yes')).status, 400);
    assert.equal((await send(1, '?wait=1&timeout=0')).status, 400);
    assert.equal((await send(1, '?wait=0')).status, 202);
    const batch = [{ specversion: '1.0', id: 'a', source: 's', type: 't', data: 1 }];
    const type = { 'content-type': 'application/cloudevents-batch+json' };
    assert.match(String((await send(batch, '?wait=1', type)).body.detail), /^Cannot wait for the outcome of a batch/);
  });
});
