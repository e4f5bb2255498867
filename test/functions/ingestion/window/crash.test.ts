import assert from 'node:assert/strict';
import type { TopicMessage } from '#lib/bus/topic-reader.ts';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { type Fixture, jsonOf, openFixture } from '../../../connector/fixture.ts';
import { described, featureMakerOf } from '../feature-maker.ts';
import { type IngestionProcess, startIngestion } from '../support/ingestion-process.ts';

const LIMITS = { maxPixels: 1, maxFeatureBytes: 1_000_000, maxInflatedBytes: 1_000_000 };
const SENSORS = Array.from({ length: 10 }, (_, i) => `s${i}`);
const COUNT = 3000;
const KILLS = 4;

const ROWS = { feature_name: 'x', feature_type: 'numpyarraytype' };
const HALLS = described('halls', [ROWS], {
  size_seconds: 0.25,
  rows: 64,
  per: 'all',
  lateness_seconds: 0.5,
  columns: [{ names: SENSORS, of: 'sum' }],
});
const EACH = described('each', [ROWS], {
  size_seconds: 3,
  every_signals: 1,
  rows: 4,
  columns: [
    { name: 'mean', from: '$.value', of: 'mean' },
    { name: 'delta', from: '$.value', of: 'delta' },
  ],
});
const LAST = described('last', [
  { feature_name: 'value', feature_type: 'numerictype', feature_params: { missing: 'last' } },
  { feature_name: 'odd', feature_type: 'numerictype', feature_params: { missing: 'last' } },
]);
const QUIET = described('quiet', [ROWS], {
  size_seconds: 0.5,
  max_gap_seconds: 3,
  columns: [{ name: 'value', of: 'sum', fill: 'zero' }],
});

/** Signals of ten sensors, some of them out of order or late. The same in each run. */
function signals(): CloudEvent[] {
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const start = Date.parse('2026-01-01T00:00:00Z');
  return Array.from({ length: COUNT }, (_, i): CloudEvent => {
    const value = Math.round(random() * 1e6) / 1e3;
    return {
      specversion: '1.0',
      id: `e${i}`,
      source: SENSORS[Math.floor(random() * SENSORS.length)] ?? '',
      type: 'thebox.signal',
      time: new Date(start + i * 40 - Math.floor(random() * 800)).toISOString(),
      // The first of each sensor has all, for what is missing later.
      data: { value, ...((i < 100 || random() < 0.2) && { odd: i }) },
    };
  });
}

describe('function ingestion, killed while windows fill', () => {
  let fixture: Fixture;
  let ingestion: IngestionProcess;
  let record: ScenarioRecord;
  let kills = 0;
  let mayKill = 0;

  before(async () => {
    // A call that is killed is answered once there is a new process, which takes long on a slow machine: given up before that it
    // would come again, and be counted among those that kill.
    fixture = await openFixture({ invocationTimeoutMs: 60_000 });
    fixture.gateway.functions.set('orchestrator', () => ({ status: 200, body: JSON.stringify(record) }));
    ingestion = await startIngestion(fixture);
    let calls = 0;
    fixture.gateway.functions.set('ingestion', async (call) => {
      calls++;
      if (kills >= mayKill || calls % 7 !== 0) return ingestion.forward(call);
      kills++;
      // By turns: in the middle of the work, and when it is done and only the answer is missing.
      const answered = ingestion.forward(call);
      if (kills % 2 === 0) await answered;
      await ingestion.restart();
      await answered;
      return { status: 502, body: 'the function has gone' };
    });
  });

  after(async () => {
    await ingestion.kill();
    await fixture.close();
  });

  for (const [scenario, what] of [
    [HALLS, 'sums of ten sensors, the last 64 rows'],
    [EACH, 'windows that slide, for each source'],
    [LAST, 'last values'],
  ] as const) {
    it(`gives exactly the features of an undisturbed run: ${what}`, async function () {
      this.timeout(900_000);
      record = scenario;
      kills = 0;
      mayKill = KILLS;
      // Its topics are there, and the messages wait.
      await fixture.put({ ...record, paused: true });
      const sent = await publishAll(fixture, `${record.id}-in`);
      const expected = await undisturbed(record, sent);
      assert.ok(expected.length > 300, `${expected.length} features`);
      await fixture.put(record);
      const found = await arrived(fixture, `${record.id}-out`, expected.length);
      await fixture.idle(record.id);
      assert.equal(kills, KILLS);
      for (const [i, one] of expected.entries()) assert.equal(found[i], one, `features ${i} of ${expected.length}`);
      assert.equal((await fixture.all(`${record.id}-out`)).length, expected.length);
    });
  }

  it('makes a row for each slot of silence too, by timers that outlive the function', async () => {
    record = QUIET;
    mayKill = 0;
    await fixture.put(record);
    // Measured in one slot and sent in one go, so that they are one row and silence follows, however long it all takes.
    const time = new Date().toISOString();
    await Promise.all(Array.from({ length: 5 }, () => fixture.send('quiet-in', { value: 1 }, { time })));
    await fixture.receive('quiet-out', 1);
    await ingestion.restart();
    const rows = await fixture.receive('quiet-out', 5);
    const values = rows.map((row) => (jsonOf(row) as FeaturesBody).feature_data[0]?.data);
    const total = values.flat(2).reduce((sum: number, value) => sum + Number(value), 0);
    assert.equal(total, 5);
    assert.deepEqual(values.at(-1), [[0]]);
    const ends = rows.map(({ attributes }) => Date.parse(attributes.time ?? ''));
    for (const [i, end] of ends.entries()) assert.equal(end, (ends[0] ?? 0) + i * 500);
  });
});

/** Publishes the signals; gives them as the connector will hand them out. */
async function publishAll(fixture: Fixture, topic: string): Promise<CloudEvent[]> {
  const sent: CloudEvent[] = [];
  const all = signals();
  for (let at = 0; at < all.length; at += 500) {
    const some = all.slice(at, at + 500);
    const receipts = await Promise.all(
      some.map(({ id, source, type, time = '', data }) => {
        const attributes = { id, source, type, time, datacontenttype: 'application/json' };
        return fixture.publisher.publish(topic, { attributes, body: Buffer.from(JSON.stringify(data)) });
      }),
    );
    sent.push(...some.map((event, i) => ({ ...event, boxsequence: String(receipts[i]?.seq) })));
  }
  return sent;
}

/** What one process makes of all signals in one go. */
async function undisturbed(record: ScenarioRecord, events: readonly CloudEvent[]): Promise<string[]> {
  const { results } = await featureMakerOf(record, LIMITS)({ events, scenarioId: record.id, rev: record.rev });
  return results.flatMap((result) => {
    assert.ok('events' in result, JSON.stringify(result));
    return result.events.map(({ id, source, time, data }) => JSON.stringify([id, source, time, data]));
  });
}

/** The first features of a topic, waited for as long as the test may take. */
async function arrived({ reader }: Fixture, topic: string, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const message of reader.read(topic, { from: { seq: 1 }, until: 'never' })) {
    found.push(essence(message));
    if (found.length === count) break;
  }
  return found;
}

function essence(message: TopicMessage): string {
  const { id, source, time } = message.attributes;
  return JSON.stringify([id, source, time, jsonOf(message)]);
}
