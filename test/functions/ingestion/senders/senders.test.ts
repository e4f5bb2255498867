import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { numberAt, parseTensor } from '#lib/tensor/tensor.ts';
import { recordOf } from '../../../support/scenario.ts';
import { featureMakerOf } from '../feature-maker.ts';

interface Case {
  readonly title: string;
  readonly descriptor: unknown;
  readonly signals: readonly Sent[];
  readonly expected: readonly (readonly { readonly shape: number[]; readonly data: readonly number[] }[])[];
  /** Every so many of the features messages are in `expected`, of so many. */
  readonly every?: number;
  readonly count?: number;
}

interface Sent {
  readonly data?: unknown;
  readonly base64?: string;
  readonly type?: string;
  readonly source?: string;
  readonly seconds?: number;
}

const LIMITS = { maxPixels: 1000, maxFeatureBytes: 1_000_000, maxInflatedBytes: 1_000_000 };
const START = Date.parse('2026-01-01T00:00:00Z');

function eventOf({ data, base64, type, source, seconds = 0 }: Sent, index: number): CloudEvent {
  return {
    specversion: '1.0',
    id: `e${index}`,
    source: source ?? 'sensor',
    type: 'thebox.signal',
    time: new Date(START + seconds * 1000).toISOString(),
    boxsequence: `${index + 1}`,
    ...(type !== undefined && { datacontenttype: type }),
    ...(base64 === undefined ? { data } : { data_base64: base64 }),
  };
}

async function featuresOf({ descriptor, signals }: Case): Promise<FeaturesBody[]> {
  const ingestion_definition = { in_topic: 'in', out_topic: 'out', data_descriptor: descriptor };
  const scenario = parseScenario({ scenario_name: 'demo', scenario_definition: { ingestion_definition } });
  const make = featureMakerOf(recordOf('demo', scenario), LIMITS);
  const { results } = await make({ events: signals.map(eventOf), scenarioId: 'demo', rev: '1-a' });
  return results.flatMap((result) => {
    assert.ok('events' in result, JSON.stringify(result));
    return result.events.map(({ data }) => data as FeaturesBody);
  });
}

/** The senders of the original's demos computed features in Python; a descriptor computes the same of a plain sensor's signals. */
describe("descriptors in place of the senders of the original's demos", () => {
  const cases = JSON.parse(readFileSync(new URL('tables/senders.json', import.meta.url), 'utf8')) as Case[];
  for (const each of cases) {
    it(each.title, async () => {
      const { expected, every = 1, count = expected.length } = each;
      const made = await featuresOf(each);
      assert.equal(made.length, count);
      for (const [i, features] of expected.entries()) {
        for (const [j, { shape, data }] of features.entries()) {
          const tensor = parseTensor(made[i * every]?.feature_data[j]?.data, { dtype: 'float32' });
          const got = Array.from({ length: data.length }, (_, at) => Math.fround(numberAt(tensor, at)));
          assert.deepEqual(got, [...data], `message ${i * every}, feature ${j}`);
          const isColumn = tensor.shape.at(-1) === 1 && shape.length === tensor.shape.length - 1;
          assert.deepEqual(isColumn ? tensor.shape.slice(0, -1) : tensor.shape, shape);
        }
      }
    });
  }
});
