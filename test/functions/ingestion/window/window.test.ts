import assert from 'node:assert/strict';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult, FunctionAnswer } from '#lib/message/function-answer.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { described, featureMakerOf } from '../feature-maker.ts';

const LIMITS = { maxPixels: 1, maxFeatureBytes: 10_000_000, maxInflatedBytes: 10_000_000 };
const NOW = Date.parse('2026-01-01T00:00:00Z');
const ROWS = { feature_name: 'x', feature_type: 'numpyarraytype' };

/** A function whose clock stands, and whose signals are stored at their own time. */
function open(window: object, features: readonly object[] = [ROWS], now = () => NOW + 3_600_000) {
  const counts: Record<string, number> = {};
  const make = featureMakerOf(described('w', features, window), LIMITS, {
    store: openMemoryStateStore(),
    now,
    onSignals: (_, outcome, count) => {
      counts[outcome] = (counts[outcome] ?? 0) + count;
    },
  });
  let sequence = 0;
  const process = (...events: Partial<CloudEvent>[]): Promise<FunctionAnswer> =>
    make({ events: events.map((event) => whole(event, ++sequence)), scenarioId: 'w', rev: '1-a' });
  return { process, counts };
}

function whole(event: Partial<CloudEvent>, sequence: number): CloudEvent {
  const id = `e${sequence}`;
  const base = { specversion: '1.0', id, source: 's', type: 'thebox.signal', boxsequence: `${sequence}` } as const;
  return { ...base, ...(event.time !== undefined && { boxstored: event.time }), ...event };
}

/** A signal so many seconds after midnight. */
function signal(seconds: number, data: unknown, more: Partial<CloudEvent> = {}): Partial<CloudEvent> {
  return { time: new Date(NOW + seconds * 1000).toISOString(), data, ...more };
}

function timer({ wake }: FunctionAnswer): Partial<CloudEvent> {
  const [first] = wake ?? [];
  assert.ok(first !== undefined, 'no timer is wanted');
  return { type: 'thebox.timer', source: 'default', data: first };
}

/** The data of the first feature of each window, event by event. */
function dataOf(answer: FunctionAnswer): unknown[][] {
  return answer.results.map((result) =>
    eventsOf(result).map(({ data }) => (data as FeaturesBody).feature_data[0]?.data),
  );
}

function eventsOf(result: EventResult | undefined): readonly CloudEvent[] {
  assert.ok(result !== undefined && 'events' in result, JSON.stringify(result));
  return result.events;
}

function errorOf(result: EventResult | undefined): string {
  assert.ok(result !== undefined && 'error' in result, JSON.stringify(result));
  assert.equal(result.error.retry, false);
  return result.error.message;
}

const SUM = { size_seconds: 1, columns: [{ name: 'v', of: 'sum' }] };

describe('windows: what they make', () => {
  it('a features event of the window’s source and end, with the correlation id of the signal that completed it', async () => {
    const { process } = open(SUM);
    const { results } = await process(signal(0.2, { v: 1 }), signal(0.4, { v: 2 }), signal(1.5, { v: 4 }));
    assert.deepEqual(results.slice(0, 2), [
      { id: 'e1', events: [] },
      { id: 'e2', events: [] },
    ]);
    assert.deepEqual(eventsOf(results[2]), [
      {
        specversion: '1.0',
        id: 'e3.features',
        source: 's',
        type: 'thebox.features',
        time: '2026-01-01T00:00:01.000Z',
        datacontenttype: 'application/json',
        correlationid: 'e3',
        data: {
          correlation_id: 'e3',
          data_descriptor_name: 'data',
          feature_data: [{ feature_name: 'x', data: [[3]] }],
        },
      },
    ]);
  });

  it('several windows of one signal, numbered', async () => {
    const { process } = open(SUM);
    const [, result] = (await process(signal(0, { v: 1 }), signal(3, { v: 1 }))).results;
    assert.deepEqual(
      eventsOf(result).map(({ id, correlationid, time }) => [id, correlationid, time]),
      [1, 2, 3].map((end, i) => [`e2.${i}.features`, `e2.${i}`, `2026-01-01T00:00:0${end}.000Z`]),
    );
  });

  it('columns, all rows, the newest row, numbers and times, as features ask for them', async () => {
    const features = [
      { feature_name: 'a', feature_type: 'numpyarraytype' },
      { feature_name: 'all', feature_type: 'numpyarraytype' },
      { feature_name: 'newest', feature_type: 'numpyarraytype', feature_params: { from: '$.rows[-1]', scale: 10 } },
      {
        feature_name: 'second',
        feature_type: 'numerictype',
        feature_params: { from: { field: 'end' }, time: { parts: ['second'] } },
      },
      { feature_name: 'who', feature_type: 'stringtype', feature_params: { from: '$.source' } },
    ];
    const columns = [
      { name: 'a', of: 'last' },
      { name: 'b', of: 'max', scale: 2 },
    ];
    const { process } = open({ size_signals: 1, rows: 2, columns }, features);
    const { results } = await process(signal(3, { a: 1, b: 2 }), signal(7, { a: 3, b: 4 }));
    const body = eventsOf(results[1])[0]?.data as FeaturesBody;
    const last = [
      [1, 4],
      [3, 8],
    ];
    assert.deepEqual(
      body.feature_data.map(({ data }) => data),
      [[1, 3], last, [30, 80], 7, 's'],
    );
    const { process: one } = open({ size_signals: 1, columns }, [{ feature_name: 'b', feature_type: 'numerictype' }]);
    assert.deepEqual(dataOf(await one(signal(0, { b: 4 }))), [[8]]);
  });

  it('rows of a number in front, where windows begin with the first row', async () => {
    const { process } = open({ size_signals: 1, rows: 3, pad: -1, max_gap_seconds: 60, columns: [{ name: 'v' }] });
    const first = signal(0, { v: 1 });
    const answer = await process(
      first,
      signal(1, { v: 2 }),
      signal(2, { v: 3 }),
      signal(3, { v: 4 }),
      signal(99, { v: 5 }),
    );
    assert.deepEqual(
      dataOf(answer).flat(),
      [
        [-1, -1, 1],
        [-1, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
        [-1, -1, 5],
      ].map((rows) => rows.map((value) => [value])),
    );
    assert.deepEqual(dataOf(await process({ ...first, boxsequence: '1' })), [[[[-1], [-1], [1]]]]);
    const every = open({ size_signals: 1, rows: 4, pad: 0, every_rows: 2, columns: [{ name: 'v' }] });
    const made = await every.process(...[1, 2, 3, 4].map((v) => signal(v, { v })));
    assert.deepEqual(dataOf(made), [[], [[[0], [0], [1], [2]]], [], [[[1], [2], [3], [4]]]]);
  });

  it('one row of sensors that are told apart by source, by topic, and by a field', async () => {
    const bySource = { size_seconds: 1, per: 'all', columns: [{ names: ['a', 'hall.b'], of: 'sum' }] };
    const { process, counts } = open(bySource);
    const answer = await process(
      signal(0, { value: 1 }, { source: 'a' }),
      signal(0.1, 2, { source: 'hall.b' }),
      signal(0.2, { value: 4 }, { source: 'c' }),
      signal(1, { value: 8 }, { source: 'a' }),
    );
    assert.deepEqual(dataOf(answer), [[], [], [], [[[1, 2]]]]);
    assert.equal(eventsOf(answer.results[3])[0]?.source, 'default');
    assert.deepEqual(counts, { unwanted: 1, counted: 3, late: 0, surplus: 0 });

    const columns = [
      { name: 'north', where: { side: 'n', '$.kind.id': [1, 2] }, from: '$.v' },
      { name: 'others', source: ['hall.*', 'yard'], where: { side: ['s', 'e'] }, from: '$.v', of: 'count' },
    ];
    const field = open({ size_seconds: 1, per: { field: 'house' }, columns });
    const made = await field.process(
      signal(0, { house: 7, side: 'n', kind: { id: '2' }, v: 5 }),
      signal(0, { house: 7, side: 's', v: 6 }, { source: 'hall.1' }),
      signal(0, { house: 8, side: 'e', v: 6 }, { source: 'yard' }),
      signal(0, { house: 8, side: 'e', v: 6 }, { source: 'yards' }),
      signal(1, { house: 7, side: 's', v: 6 }, { source: 'yard' }),
    );
    assert.deepEqual(dataOf(made).at(-1), [[[5, 1]]]);
    assert.equal(eventsOf(made.results[4])[0]?.source, '7');
    assert.equal(field.counts.unwanted, 1);
  });
});

describe('windows: what they take', () => {
  it('every row, line and object of a message, and what `each` finds', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const at = { time: signal(60, 0).time as string };
    const lines = { size_signals: 2, columns: [{ name: 'v', of: 'sum' }] };
    const bodies = [
      { ...at, data: [{ v: 1 }, { v: 2 }] },
      { ...at, datacontenttype: 'text/csv', data_base64: base64('v\n1\n2\n') },
      { ...at, datacontenttype: 'application/x-ndjson', data_base64: base64('{"v":1}\n{"v":2}\n') },
    ];
    for (const body of bodies) assert.deepEqual(dataOf(await open(lines).process(body)), [[[[3]]]]);
    const { process } = open({ ...SUM, each: '$.samples[*]', time: '$.t' });
    const samples = [0.25, 0.5, 1.75].map((t) => ({ t: NOW / 1000 + t, v: 1 }));
    assert.deepEqual(dataOf(await process({ data: { samples } })), [[[[2]]]]);
    const senml = open({
      size_seconds: 60,
      each: '$[*]',
      time: { field: 't' },
      columns: ['temperature', 'humidity'].map((name) => ({
        name,
        where: { n: `dev:${name}` },
        from: '$.v',
        of: 'mean',
      })),
    });
    const pack = [
      { bn: 'dev:', bt: NOW / 1000, n: 'temperature', v: 20 },
      { n: 'temperature', t: 30, v: 21 },
      { n: 'humidity', t: 30, v: 50 },
      { n: 'humidity', t: 60, v: 60 },
    ];
    const answer = await senml.process({ datacontenttype: 'application/senml+json', data: pack });
    assert.deepEqual(dataOf(answer), [[[[20.5, 50]]]]);
  });

  it('lists of numbers as values; nulls and what is not a number are none', async () => {
    const columns = ['sum', 'count'].map((of) => ({ name: of, from: '$.v', of }));
    const { process } = open({ size_signals: 3, columns });
    const answer = await process(signal(0, { v: [1, null, 2] }), signal(0, { v: '4' }), signal(0, { v: [true] }));
    assert.deepEqual(dataOf(answer).at(-1), [[[8, 4]]]);
  });

  it('times from the body by a format and a zone', async () => {
    const time = { from: { field: 'Date' }, format: '%m/%d/%Y %I:%M %p', zone: 'Europe/Berlin' };
    const { process } = open({ size_seconds: 3600, columns: [{ name: 'v', of: 'sum' }], time });
    const { results } = await process(
      { data: { Date: '09/13/2019 11:30 PM', v: 1 } },
      { data: { Date: '09/14/2019 12:05 AM', v: 1 } },
    );
    assert.equal(eventsOf(results[1])[0]?.time, '2019-09-13T22:00:00.000Z');
  });

  it('no signal that it cannot take: a message is refused whole, with the reason', async () => {
    const { process, counts } = open({ ...SUM, per: '$.who', time: '$.t' });
    const t = NOW / 1000;
    const { results } = await process(
      { data: { who: 'a', t } },
      {
        data: [
          { who: 'a', t, v: 1 },
          { who: 'a', t, v: 'high' },
        ],
      },
      { data: { t, v: 1 } },
      { data: { who: 'a', v: 1 } },
      { data: { who: 'a', v: 1, t: 'noon' } },
      { data: { who: 'a', v: 1, t: t + 4000 } },
      { data: { who: 'x'.repeat(201), v: 1, t } },
      { type: 'thebox.timer', data: { key: 1 } },
    );
    const refused = 'Cannot add signal to window: it must have';
    assert.deepEqual(results.map(errorOf), [
      `${refused} a value for a column of the window (v)`,
      'Cannot add signal to window: field v must be a number, got "high"',
      `${refused} whose it is (window.per) in 1 to 200 characters, got nothing`,
      `${refused} the time of window.time`,
      'Cannot add signal to window: it must be a time as ISO 8601, got "noon"',
      `${refused} a time at most 300 s ahead of the clock (max_ahead_seconds), got 2026-01-01T01:06:40.000Z`,
      `${refused} whose it is (window.per) in 1 to 200 characters, got 201`,
      'Cannot read timer: its data must be { key, at }',
    ]);
    assert.equal(counts.counted ?? 0, 0);
  });

  it('late signals are left out and counted, and so is what a slot has no room for', async () => {
    const { process, counts } = open({ ...SUM, lateness_seconds: 2 });
    const answer = await process(
      signal(0.5, { v: 1 }),
      signal(2.9, { v: 1 }),
      signal(0.6, { v: 10 }),
      signal(3.1, { v: 1 }),
      signal(0.7, { v: 100 }),
    );
    assert.deepEqual(dataOf(answer), [[], [], [], [[[11]]], []]);
    assert.deepEqual(counts, { unwanted: 0, counted: 4, late: 1, surplus: 0 });
    const few = open({ ...SUM, size_seconds: 10, every_signals: 1, max_signals: 2 });
    const made = await few.process(...[0, 1, 2, 15, 16].map((at) => signal(at, { v: 1 })));
    assert.deepEqual(dataOf(made), [[[[1]]], [[[2]]], [], [[[1]]], [[[2]]]]);
    assert.equal(few.counts.surplus, 1);
  });

  it('no message that completes more than can be kept', async () => {
    const { process } = open({ size_signals: 1, columns: [{ names: Array.from({ length: 99 }, (_, i) => `${i}`) }] });
    const data = Array.from({ length: 5000 }, () => ({ value: 1 }));
    await assert.rejects(process(signal(0, data, { source: '7' })), { code: 'too_large' });
  });
});

describe('windows: silence', () => {
  const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

  it('closes the open slot a second after its end, and makes rows until the gap is too long', async () => {
    const { process } = open({ ...SUM, max_gap_seconds: 4 });
    let answer = await process(signal(0.5, { v: 1 }));
    assert.equal(answer.wake?.[0]?.at, at(2));
    const made: unknown[] = [];
    for (let ticks = 0; answer.wake?.length !== 0; ticks++) {
      assert.ok(ticks < 10);
      answer = await process(timer(answer));
      made.push(...dataOf(answer).flat());
    }
    assert.deepEqual(made, [[[1]], [[0]], [[0]], [[0]]]);
    // The window begins anew: the seconds in between make no rows.
    answer = await process(signal(60.5, { v: 2 }), signal(61.5, { v: 2 }));
    assert.deepEqual(dataOf(answer), [[], [[[2]]]]);
  });

  it('makes no rows where the fill says so, and none before all have had a value', async () => {
    for (const fill of ['skip', 'last']) {
      const columns = [
        { name: 'a', fill },
        { name: 'b', fill: 'zero' },
      ];
      const { process } = open({ size_seconds: 1, columns });
      let answer = await process(signal(0, { b: 1 }));
      answer = await process(timer(answer));
      assert.deepEqual([dataOf(answer), answer.wake], [[[]], []]);
      answer = await process(signal(2.5, { a: 5 }));
      answer = await process(timer(answer));
      assert.deepEqual(dataOf(answer), [[[[5, 0]]]]);
      assert.equal(answer.wake?.length, fill === 'last' ? 1 : 0);
    }
  });

  it('is waited for as long as lateness says, and from when the last signal was stored', async () => {
    const { process } = open({ ...SUM, lateness_seconds: 5 });
    assert.equal((await process(signal(0.5, { v: 1 }))).wake?.[0]?.at, at(7));
    const slow = open(SUM);
    const { wake } = await slow.process({ ...signal(0.5, { v: 1 }), boxstored: at(3.5) });
    assert.equal(wake?.[0]?.at, at(5));
  });

  it('is none where signals are of the past, or a timer was replaced or is of another window', async () => {
    const past = open(SUM);
    assert.deepEqual((await past.process({ ...signal(0.5, { v: 1 }), boxstored: at(60) })).wake, []);
    const { process } = open({ ...SUM, lateness_seconds: 5 });
    const first = await process(signal(0.5, { v: 1 }));
    const [wake] = first.wake ?? [];
    const later = { type: 'thebox.timer', data: { key: wake?.key, at: at(100) } };
    const other = { type: 'thebox.timer', data: { key: `x.${wake?.key}`, at: wake?.at } };
    assert.deepEqual(dataOf(await process(later, other)), [[], []]);
    assert.deepEqual(dataOf(await process(timer(first))), [[[[1]]]]);
  });

  it('asks for its timer again with a message that is processed again', async () => {
    const { process } = open(SUM);
    const once = { ...signal(0.5, { v: 1 }), boxsequence: '1' };
    assert.deepEqual((await process(once)).wake, (await process(once)).wake);
  });
});
