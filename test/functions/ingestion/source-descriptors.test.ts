import assert from 'node:assert/strict';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { parseSource } from '#lib/source/parse-source.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import { sourceRecord } from '../../support/source.ts';
import { described, featureMakerOf } from './feature-maker.ts';

const LIMITS = { maxPixels: 1e6, maxFeatureBytes: 1e6, maxInflatedBytes: 1e6 };

function descriptor(field: string) {
  const features = [{ feature_name: 'f', feature_type: 'numerictype', feature_params: { from: { field } } }];
  return { ingestion_data_name: 'own', feature_list: features };
}

describe('a source with a data descriptor of its own', () => {
  const asked: string[] = [];
  let kiln: SourceRecord = sourceRecord('kiln', parseSource({ data_descriptor: descriptor('b') }));
  let known: SourceRecord = kiln;
  const sources = {
    async get(id: string) {
      asked.push(id);
      return id === 'kiln' ? known : undefined;
    },
    changed: () => {
      known = kiln;
    },
  };
  const record = described('s', [
    { feature_name: 'f', feature_type: 'numerictype', feature_params: { from: { field: 'a' } } },
  ]);
  const make = featureMakerOf(record, LIMITS, { sources });

  const event = (id: string, source: string, rev?: string): CloudEvent => ({
    specversion: '1.0',
    id,
    source,
    type: 'thebox.signal',
    datacontenttype: 'application/json',
    data: { a: 1, b: 2, c: 3 },
    ...(rev !== undefined && { sourcerev: rev }),
  });
  const valuesOf = async (events: readonly CloudEvent[]) => {
    const { results } = await make({ events, scenarioId: 's', rev: '1-a' });
    return results.map((result) => {
      assert.ok('events' in result, JSON.stringify(result));
      const data = result.events[0]?.data as { feature_data: { data: unknown }[] } | undefined;
      return [result.id, data?.feature_data[0]?.data];
    });
  };

  it('is used for its signals alone, in the order of the batch', async () => {
    const events = [event('1', 'x'), event('2', 'kiln', '1-a'), event('3', 'kiln', '1-a'), event('4', 'y')];
    assert.deepEqual(await valuesOf(events), [
      ['1', 1],
      ['2', 2],
      ['3', 2],
      ['4', 1],
    ]);
    assert.deepEqual(asked, ['kiln', 'kiln']);
  });

  it('is asked for anew when the connector names another revision', async () => {
    kiln = sourceRecord('kiln', parseSource({ data_descriptor: descriptor('c') }), '2-b');
    assert.deepEqual(await valuesOf([event('1', 'kiln', '2-b')]), [['1', 3]]);
  });

  it('has windows of its own, which silence closes too', async () => {
    const window = { size_seconds: 1, columns: [{ name: 'b', of: 'sum' }] };
    kiln = sourceRecord('kiln', parseSource({ data_descriptor: { ...descriptor('b'), window } }), '9-z');
    const now = Date.parse('2026-01-01T00:00:05Z');
    const windows = featureMakerOf(record, LIMITS, { sources, now: () => now });
    const time = '2026-01-01T00:00:00.5Z';
    const signal = { ...event('1', 'kiln', '9-z'), time, boxstored: time, boxsequence: '1' };
    const first = await windows({ events: [signal, event('2', 'x')], scenarioId: 's', rev: '1-a' });
    const [wake] = first.wake ?? [];
    assert.equal(wake?.at, '2026-01-01T00:00:02.000Z');
    const timer = { ...event('3', 'default'), type: 'thebox.timer', data: wake, boxsequence: '3' };
    const [result] = (await windows({ events: [timer], scenarioId: 's', rev: '1-a' })).results;
    assert.ok(result !== undefined && 'events' in result, JSON.stringify(result));
    assert.deepEqual(
      result.events.map(({ source, data }) => [
        source,
        (data as { feature_data: { data: unknown }[] }).feature_data[0]?.data,
      ]),
      [['kiln', 2]],
    );
  });
});
