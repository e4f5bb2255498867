import assert from 'node:assert/strict';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { recordOf } from '../../support/scenario.ts';
import { featureMakerOf } from './feature-maker.ts';

const LIMITS = { maxPixels: 1, maxFeatureBytes: 100_000, maxInflatedBytes: 100_000 };
const TYPE = 'application/x-sparkplug-b';

interface Metric {
  readonly name?: string;
  readonly alias?: number;
  readonly value: number;
}

function payload(...metrics: Metric[]): string {
  const writer = new BinaryWriter().tag(1, WireType.Varint).uint64(1_486_144_502_122n);
  for (const { name, alias, value } of metrics) {
    const metric = new BinaryWriter();
    if (name !== undefined) metric.tag(1, WireType.LengthDelimited).string(name);
    if (alias !== undefined) metric.tag(2, WireType.Varint).uint64(alias);
    metric.tag(4, WireType.Varint).uint32(10).tag(13, WireType.Bit64).double(value);
    writer.tag(2, WireType.LengthDelimited).bytes(metric.finish());
  }
  return Buffer.from(writer.finish()).toString('base64');
}

function open(contentType?: string) {
  const feature_list = [
    { feature_name: 'x', feature_type: 'numerictype', feature_params: { from: { field: 'temp' } } },
  ];
  const data_descriptor = { ingestion_data_name: 'd', feature_list, content_type: contentType ?? null };
  const ingestion_definition = { in_topic: 'in', out_topic: 'out', data_descriptor };
  const scenario = parseScenario({ scenario_name: 'p', scenario_definition: { ingestion_definition } });
  const make = featureMakerOf(recordOf('p', scenario), LIMITS, { store: openMemoryStateStore() });
  return async (...sent: (readonly [sequence: number, source: string, body: string, type?: string])[]) => {
    const events = sent.map(
      ([sequence, source, data_base64, datacontenttype = TYPE]): CloudEvent => ({
        specversion: '1.0',
        id: `e${sequence}`,
        source,
        type: 'thebox.signal',
        boxsequence: `${sequence}`,
        datacontenttype,
        data_base64,
      }),
    );
    const { results } = await make({ events, scenarioId: 'p', rev: '1-a' });
    return results.map((result) =>
      'error' in result
        ? result.error.message
        : (result.events[0]?.data as FeaturesBody | undefined)?.feature_data[0]?.data,
    );
  };
}

const UNKNOWN = 'Cannot make feature x: field temp must be in the signal';

describe('metrics of Sparkplug that are known by an alias', () => {
  it('have the names that the births of their edge node gave them, also in later batches', async () => {
    const process = open();
    const birth = payload({ name: 'temp', alias: 7, value: 20 }, { name: 'speed', alias: 8, value: 1 });
    assert.deepEqual(
      await process(
        [1, 'NDATA.press', payload({ alias: 7, value: 1 })],
        [2, 'NBIRTH.press', birth],
        [3, 'NDATA.press', payload({ alias: 8, value: 3 }, { alias: 7, value: 21 })],
        [4, 'DDATA.press.arm', payload({ alias: 7, value: 22 })],
        [5, 'NDATA.saw', payload({ alias: 7, value: 23 })],
      ),
      [UNKNOWN, 20, 21, 22, UNKNOWN],
    );
    assert.deepEqual(await process([6, 'DDATA.press.arm', payload({ alias: 7, value: 24 })]), [24]);
  });

  it('are what they were when the message came, though it is processed again after another birth', async () => {
    const process = open();
    const batch = [
      [1, 'plc', payload({ name: 'temp', alias: 1, value: 20 })],
      [2, 'plc', payload({ alias: 1, value: 21 })],
      [3, 'plc', payload({ name: 'speed', alias: 1, value: 5 }, { name: 'temp', alias: 2, value: 22 })],
      [4, 'plc', payload({ alias: 2, value: 23 })],
      [5, 'plc', payload({ alias: 1, value: 6 })],
    ] as const;
    const made = [20, 21, 22, 23, UNKNOWN];
    assert.deepEqual(await process(...batch), made);
    assert.deepEqual(await process(...batch), made);
    assert.deepEqual(await process([6, 'plc', payload({ alias: 2, value: 24 })]), [24]);
  });
});

describe('content_type of a data descriptor', () => {
  it('is that of signals which have none, and of no others', async () => {
    const process = open(TYPE);
    const body = payload({ name: 'temp', value: 20 });
    const json = Buffer.from('{"temp": 4}').toString('base64');
    assert.deepEqual(
      await process([1, 's', body, 'application/octet-stream'], [2, 's', json, 'application/json']),
      [20, 4],
    );
  });

  it('is refused when it is none', () => {
    const data_descriptor = { ingestion_data_name: 'd', feature_list: [], content_type: 'cbor' };
    const ingestion_definition = { in_topic: 'in', out_topic: 'out', data_descriptor };
    assert.throws(
      () => parseScenario({ scenario_name: 'p', scenario_definition: { ingestion_definition } }),
      /data_descriptor\/content_type must be a content type, such as application\/cbor/,
    );
  });
});
