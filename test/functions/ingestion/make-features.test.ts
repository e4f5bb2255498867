import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { deflateSync } from 'node:zlib';
import { decodePng, encodePng } from '#lib/image/png.ts';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { parseTensor } from '#lib/tensor/tensor.ts';
import { recordOf } from '../../support/scenario.ts';
import { featureMakerOf } from './feature-maker.ts';

const LIMITS = { maxPixels: 1_000_000, maxFeatureBytes: 100_000, maxInflatedBytes: 1_000_000 };
const EXAMPLES = new URL('../../../examples/', import.meta.url);

async function example(name: string): Promise<ScenarioRecord> {
  return recordOf(name, parseScenario(JSON.parse(await readFile(new URL(`${name}/scenario.json`, EXAMPLES), 'utf8'))));
}

/** A scenario with these features. */
function described(...features: unknown[]): ScenarioRecord {
  const descriptor = { ingestion_data_name: 'data', feature_list: features };
  const ingestion = { in_topic: 'in', out_topic: 'out', data_descriptor: descriptor };
  return recordOf('d', parseScenario({ scenario_name: 'd', scenario_definition: { ingestion_definition: ingestion } }));
}

function signal(attributes: Partial<CloudEvent>): CloudEvent {
  return { specversion: '1.0', id: '7', source: 'cam', type: 'thebox.signal', ...attributes };
}

async function results(record: ScenarioRecord, ...events: CloudEvent[]): Promise<readonly EventResult[]> {
  return (await featureMakerOf(record, LIMITS)({ events, scenarioId: record.id, rev: record.rev })).results;
}

async function features(record: ScenarioRecord, event: CloudEvent): Promise<FeaturesBody> {
  const [result] = await results(record, event);
  assert.ok(result !== undefined && 'events' in result, JSON.stringify(result));
  return result.events[0]?.data as FeaturesBody;
}

async function refusal(record: ScenarioRecord, event: CloudEvent) {
  const [result] = await results(record, event);
  assert.ok(result !== undefined && 'error' in result, JSON.stringify(result)?.slice(0, 200));
  assert.equal(result.error.retry, false);
  return result.error;
}

describe('openFeatureMaker', () => {
  it('makes the features event of a signal: same source, correlation id carried, its id made of the signal', async () => {
    const event = signal({ data: { values: [1, 2, 3] }, time: '2026-01-01T00:00:00Z', traceparent: '00-a-b-01' });
    assert.deepEqual(await results(await example('tiny'), event), [
      {
        id: '7',
        events: [
          {
            specversion: '1.0',
            id: '7.features',
            source: 'cam',
            type: 'thebox.features',
            time: '2026-01-01T00:00:00Z',
            datacontenttype: 'application/json',
            correlationid: '7',
            traceparent: '00-a-b-01',
            data: {
              correlation_id: '7',
              data_descriptor_name: 'three numbers',
              feature_data: [{ feature_name: 'main_input', data: [1, 2, 3] }],
            },
          },
        ],
      },
    ]);
  });

  it('turns the test images of digits into what the model was trained on', async () => {
    const bytes = await readFile(new URL('digits/images/7/0000.png', EXAMPLES));
    const event = signal({ datacontenttype: 'image/png', data_base64: bytes.toString('base64') });
    const body = await features(await example('digits'), event);
    const tensor = parseTensor(body.feature_data[0]?.data);
    const pixels = decodePng(bytes, LIMITS).data;
    assert.deepEqual([tensor.dtype, tensor.shape], ['float32', [1, 28, 28]]);
    assert.deepEqual(
      tensor.data,
      Float32Array.from(pixels, (pixel) => Math.fround(pixel / 255)),
    );
  });

  it('knows a signal without a content type by its first bytes', async () => {
    const record = described({ feature_name: 'x', feature_type: 'numpyarraytype' });
    const picture = encodePng({ width: 2, height: 1, channels: 1, data: Uint8Array.of(9, 8) });
    const raw = (bytes: Buffer | string) => signal({ data_base64: Buffer.from(bytes).toString('base64') });
    const data = async (bytes: Buffer | string) => (await features(record, raw(bytes))).feature_data[0]?.data;
    assert.deepEqual(await data(picture), [[[9, 8]]]);
    assert.deepEqual(await data('{"x": [1, 2]}'), [1, 2]);
    assert.deepEqual(await data('[3, 4]'), [3, 4]);
    assert.equal(await data('12.5'), 12.5);
    assert.deepEqual(await data(Buffer.from([0xff, 0x00, 0x80])), [255, 0, 128]);
  });

  it('gives each signal of a batch its own result, in order, whether or not it has to be waited for', async () => {
    const record = described({ feature_name: 'x', feature_type: 'numpyarraytype' });
    const picture = encodePng({ width: 1, height: 1, channels: 1, data: Uint8Array.of(5) }).toString('base64');
    const events = Array.from({ length: 20 }, (_, i) => {
      if (i % 3 === 0) return signal({ id: `${i}`, datacontenttype: 'image/png', data_base64: picture });
      return i % 3 === 1 ? signal({ id: `${i}`, data: { x: [i] } }) : signal({ id: `${i}`, data: { y: 1 } });
    });
    const settled = await results(record, ...events);
    assert.deepEqual(
      settled.map(({ id }) => id),
      events.map(({ id }) => id),
    );
    for (const [i, result] of settled.entries()) assert.equal('error' in result, i % 3 === 2);
  });

  it('passes on features that a sender made itself, where the scenario describes none', async () => {
    const feature_data = [{ feature_name: 'float_input', data: [[1, 2]] }];
    assert.deepEqual(await features(described(), signal({ data: { feature_data } })), {
      correlation_id: '7',
      data_descriptor_name: 'data',
      feature_data,
    });
    const { message } = await refusal(described(), signal({ data: { values: [1] } }));
    assert.match(message, /^Cannot pass on signal: without a feature_list it must be features/);
  });

  it('says what is wrong with a signal that is not JSON', async () => {
    const error = await refusal(
      await example('tiny'),
      signal({ datacontenttype: 'application/json', data_base64: Buffer.from('{"values": [1,').toString('base64') }),
    );
    assert.deepEqual(error, {
      code: 'invalid_argument',
      message: 'Cannot read signal: it must be json (Unexpected end of JSON input)',
      retry: false,
    });
    const text = await refusal(await example('tiny'), signal({ datacontenttype: 'text/plain', data: 'hello' }));
    assert.match(
      text.message,
      /^Cannot make feature main_input: Cannot read signal: it must be JSON, got text \(text\/plain\)$/,
    );
  });

  it('says what is wrong with a picture that is none, broken, or larger than it may be', async () => {
    const digits = await example('digits');
    const sent = (bytes: Buffer) => signal({ datacontenttype: 'image/png', data_base64: bytes.toString('base64') });
    const good = encodePng({ width: 28, height: 28, channels: 1, data: new Uint8Array(784) });
    const cut = await refusal(digits, sent(good.subarray(0, -20)));
    assert.match(cut.message, /^Cannot make feature image: Cannot decode PNG: /);
    assert.equal((await refusal(digits, sent(Buffer.from('no picture')))).code, 'unprocessable');
    const json = await refusal(digits, signal({ data: { image: [1, 2] } }));
    assert.match(json.message, /Cannot read signal: it must be an image, got json/);
    const bomb = encodePng({ width: 1, height: 1, channels: 1, data: deflateSync(Buffer.alloc(1)) });
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    assert.equal((await refusal(digits, sent(bomb))).code, 'too_large');
  });

  it('refuses features that would not fit a message', async () => {
    const record = described({ feature_name: 'x', feature_type: 'numpyarraytype' });
    const { code, message } = await refusal(record, signal({ data: { x: Array(30_000).fill(1) } }));
    assert.equal(code, 'too_large');
    assert.match(message, /^Cannot send features: the message may have 100000 bytes at most, got 160/);
  });

  it('refuses a scenario without ingestion', async () => {
    const scenario = parseScenario({ scenario_name: 'n', scenario_definition: {} });
    await assert.rejects(
      results(recordOf('n', scenario), signal({ data: 1 })),
      /scenario n has no ingestion_definition/,
    );
  });
});
