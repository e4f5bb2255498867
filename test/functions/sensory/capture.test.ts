import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'undici';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { freePort } from '../../../local/server/free-port.ts';
import { answering, type Fixture, openFixture, record, type TestFunction, until } from '../../connector/fixture.ts';
import { couchdbUrl } from '../../support/couchdb-database.ts';
import { openTestBucket, S3_SERVERS, type TestBucket } from '../../support/s3-bucket.ts';
import { NOT_FOUND } from '../../support/scenario.ts';
import { uniqueName } from '../../support/servers.ts';
import { digitPng } from './digits.ts';
import { API_KEY, type SensoryProcess, startSensory } from './sensory-process.ts';

const key = { authorization: `Bearer ${API_KEY}` };

/** A scenario whose model says of a number which class it is, and how sure it is. */
function capturing(id: string, capture: object): ScenarioRecord {
  const made = record(id, {
    ingestion: { in: `${id}_raw`, out: `${id}_features` },
    inference: { in: `${id}_features`, out: `${id}_predictions` },
  });
  const { scenario_definition: definition } = made.scenario;
  const inference = { ...definition.inference_definition, model_descriptor: { model_name: 'net' } };
  const full = { as: 'unlabelled', rate: 1, what: 'signal', ...capture };
  const scenario = {
    ...made.scenario,
    scenario_definition: { ...definition, inference_definition: inference, capture: full },
  };
  return { ...made, scenario } as unknown as ScenarioRecord;
}

describe('sensory: capture', () => {
  let bucket: TestBucket;
  let box: Fixture;
  let sensory: SensoryProcess;
  const records = new Map<string, ScenarioRecord>();

  before(async () => {
    const [start] = Object.values(S3_SERVERS);
    assert(start !== undefined);
    bucket = await openTestBucket(start);
    box = await openFixture();
    sensory = await startSensory({
      s3: bucket.options,
      couchdbUrl: await couchdbUrl(),
      couchdbDatabase: uniqueName('orders'),
      amqpUrl: 'amqp://127.0.0.1:9/sensory',
      env: { LIST_SECONDS: '60', NATS_URL: box.natsUrl, GATEWAY_URL: box.gateway.url },
      // One that no connection is given while the function is away.
      port: await freePort(),
    });
    const { functions } = box.gateway;
    functions.set(
      'ingestion',
      answering((event) => [{ data: { feature_data: [event.data ?? 'a picture'] } }]),
    );
    functions.set(
      'inference',
      answering((event) => {
        const [value] = (event.data as { feature_data: unknown[] }).feature_data;
        const sure = typeof value === 'number' ? value / 100 : 0.5;
        return [{ data: { prediction_data: { out: { data: [[sure]], class_label: 'seven', probability: sure } } } }];
      }),
    );
    // The real function, in its own process.
    const passOn: TestFunction = async ({ headers, body }) => {
      const own = new Set(['host', 'content-length', 'connection']);
      const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !own.has(name)));
      const sent = { ...kept, ...key } as IncomingHttpHeaders;
      const answer = await request(sensory.url, { method: 'POST', headers: sent, body });
      return {
        status: answer.statusCode,
        headers: { 'content-type': String(answer.headers['content-type']) },
        body: await answer.body.text(),
      };
    };
    functions.set('sensory', passOn);
    functions.set('orchestrator', ({ path }) => {
      const id = /\/scenario\/([^?]+)/.exec(path)?.[1] ?? '';
      const found = records.get(id);
      return found === undefined ? NOT_FOUND : { status: 200, body: JSON.stringify(found) };
    });
  });

  after(async () => {
    await sensory?.stop();
    await box?.close();
    await bucket?.close();
  });

  async function put(scenario: ScenarioRecord): Promise<void> {
    records.set(scenario.id, scenario);
    await box.put(scenario);
  }

  // biome-ignore lint/suspicious/noExplicitAny: an answer's JSON
  async function samples(query: string): Promise<any[]> {
    const { json } = await sensory.call('GET', `/api/sensory/sample?${query}`, undefined, key);
    return json.samples;
  }

  async function bytesOf(id: string, dataset: string): Promise<Buffer> {
    const { body } = await request(`${sensory.url}/api/sensory/sample/${id}/bytes?dataset=${dataset}`, {
      headers: key,
    });
    return Buffer.from(await body.arrayBuffer());
  }

  it('keeps the raw signals of doubtful predictions, with what the model said', async () => {
    await put(capturing('doubt', { when: "prediction['out'].probability < 0.6", dataset: 'doubt_8x8' }));
    for (const value of [95, 41, 77, 59]) await box.send('doubt_raw.press', value, { id: `signal-${value}` });
    await box.idle('doubt');
    const found = await samples('dataset=doubt_8x8');
    assert.deepEqual(
      found.map(({ category, source, prediction, model_version, correlation_id }) => ({
        category,
        source,
        prediction,
        model_version,
        correlation_id,
      })),
      [41, 59].map((value) => ({
        category: 'unlabelled',
        source: 'press',
        prediction: 'seven',
        model_version: 'net@1-a',
        correlation_id: `signal-${value}`,
      })),
    );
    assert.equal((await bytesOf(found[0].id, 'doubt_8x8')).toString(), '41');
    assert.equal((await box.deadLetters.list({}, { limit: 1 })).total, 0);
  });

  it('keeps a picture as the picture that came in, and what comes twice once', async () => {
    await put(capturing('look', { as: 'seen', dataset: 'look_8x8' }));
    const png = digitPng(3);
    for (let i = 0; i < 2; i++) {
      await box.publisher.publish('look_raw', { attributes: { datacontenttype: 'image/png' }, body: png });
    }
    await box.idle('look');
    const found = await samples('dataset=look_8x8');
    assert.equal(found.length, 1);
    assert.equal(found[0].category, 'seen');
    assert.match(found[0].path, /\.png$/);
    assert.deepEqual(await bytesOf(found[0].id, 'look_8x8'), png);
  });

  it('keeps the features where they are asked for, and a share of them', async () => {
    await put(capturing('share', { what: 'features', rate: 0.3, dataset: 'share_8x8' }));
    const total = 200;
    for (let n = 0; n < total; n++) await box.send('share_raw', n, { id: `id ${n}` });
    await box.idle('share');
    const found = await samples('dataset=share_8x8&limit=1000');
    assert(found.length > 30 && found.length < 90, `${found.length} of ${total} kept`);
    const body = JSON.parse((await bytesOf(found[0].id, 'share_8x8')).toString());
    assert.deepEqual(Object.keys(body), ['feature_data']);
  });

  it('samples that nobody has labelled are listed and never drawn', async () => {
    await put(capturing('inbox', { dataset: 'inbox_8x8' }));
    await box.publisher.publish('inbox_raw', { attributes: { datacontenttype: 'image/png' }, body: digitPng(5) });
    await box.idle('inbox');
    const [sample] = await samples('dataset=inbox_8x8&category=unlabelled');
    const indexes = async () => {
      const { json } = await sensory.call('GET', '/api/sensory/dataset/inbox_8x8', undefined, key);
      const categories: Record<string, { index?: number }> = json.categories;
      return Object.entries(categories).map(([name, { index }]) => [name, index]);
    };
    assert.deepEqual(await indexes(), [['unlabelled', undefined]]);
    const label = { category: 'five', by: 'anna' };
    await sensory.call('POST', `/api/sensory/sample/${sample.id}/label?dataset=inbox_8x8`, label, key);
    assert.deepEqual(await indexes(), [['five', 0]]);
  });

  it('a prediction that the scenario did not make is a dead letter with the reason', async () => {
    await put(capturing('strange', { dataset: 'strange_8x8' }));
    await box.send('strange_predictions', { prediction_data: { out: { data: [1] } } });
    await until(
      async () => (await box.deadLetters.list({ scenario: 'strange' }, { limit: 1 })).total === 1,
      'a dead letter',
    );
    const { letters } = await box.deadLetters.list({ scenario: 'strange' }, { limit: 1 });
    assert.equal(letters[0]?.stage, 'capture');
    assert.match(letters[0]?.reason ?? '', /was not made by the inference stage/);
  });

  it('nothing is lost while the sample store is away', async () => {
    await put(capturing('away', { dataset: 'away_8x8' }));
    const { port } = sensory;
    const env = { LIST_SECONDS: '60', NATS_URL: box.natsUrl, GATEWAY_URL: box.gateway.url };
    const options = { s3: bucket.options, couchdbUrl: await couchdbUrl(), couchdbDatabase: uniqueName('orders') };
    await sensory.kill();
    const before = box.gateway.calls.length;
    for (let n = 0; n < 20; n++) await box.send('away_raw', n);
    await until(() => box.gateway.calls.slice(before).some(({ name }) => name === 'sensory'), 'a call');
    sensory = await startSensory({ ...options, amqpUrl: 'amqp://127.0.0.1:9/sensory', env, port });
    await box.idle('away');
    assert.equal((await samples('dataset=away_8x8')).length, 20);
  });
});
