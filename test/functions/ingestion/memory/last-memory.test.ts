import assert from 'node:assert/strict';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { described, featureMakerOf } from '../feature-maker.ts';

const LIMITS = { maxPixels: 1, maxFeatureBytes: 100_000, maxInflatedBytes: 100_000 };
const LAST = { missing: 'last' };
const FEATURES = [
  { feature_name: 'speed', feature_type: 'numerictype', feature_params: LAST },
  {
    feature_name: 'gear',
    feature_type: 'numpyarraytype',
    feature_params: { ...LAST, one_hot: { vocabulary: ['low', 'high'] } },
  },
];

function open(features: readonly object[] = FEATURES, store = openMemoryStateStore()) {
  const make = featureMakerOf(described('l', features), LIMITS, { store });
  let sequence = 0;
  return async (...events: (readonly [source: string, data: unknown, sequence?: number])[]) => {
    const batch = events.map(
      ([source, data, own = ++sequence]): CloudEvent => ({
        specversion: '1.0',
        id: `e${own}`,
        source,
        type: 'thebox.signal',
        boxsequence: `${own}`,
        data,
      }),
    );
    return (await make({ events: batch, scenarioId: 'l', rev: '1-a' })).results.map(shortOf);
  };
}

/** The data of all features of each signal, or the error's message. */
function shortOf(result: EventResult): unknown {
  if ('error' in result) return result.error.message;
  const all = result.events.map(({ data }) => (data as FeaturesBody).feature_data.map((feature) => feature.data));
  return all.length === 1 ? all[0] : all;
}

const MISSING = 'must be in the signal, or in one before it of its source';

describe('missing: "last"', () => {
  it('takes what the last signal of the same source had there', async () => {
    const process = open();
    assert.deepEqual(
      await process(['a', { speed: 5, gear: 'low' }], ['b', { speed: 7, gear: 'high' }], ['a', { speed: 6 }]),
      [
        [5, [1, 0]],
        [7, [0, 1]],
        [6, [1, 0]],
      ],
    );
    assert.deepEqual(await process(['b', { speed: null }], ['a', {}]), [
      [7, [0, 1]],
      [6, [1, 0]],
    ]);
  });

  it('refuses a signal that has nothing before it, and keeps nothing of one that is refused', async () => {
    const process = open();
    const refused = `Cannot make feature gear: field gear ${MISSING}`;
    assert.deepEqual(await process(['a', { speed: 5 }], ['a', { gear: 'low' }]), [
      refused,
      `Cannot make feature speed: field speed ${MISSING}`,
    ]);
    const [, bad, good] = await process(['a', { speed: 1, gear: 'low' }], ['a', { speed: 2, gear: 'mid' }], ['a', {}]);
    assert.match(String(bad), /must be in the vocabulary/);
    assert.deepEqual(good, [1, [1, 0]]);
  });

  it('goes through the rows of a message in order, and fills nulls in lists by their place', async () => {
    const params = { ...LAST, from: ['$.a', '$.b', '$.c'] };
    const process = open([{ feature_name: 'x', feature_type: 'numpyarraytype', feature_params: params }]);
    const rows = [{ a: 1, b: 2, c: 3 }, { a: 4 }, { c: 5 }];
    assert.deepEqual(await process(['s', rows], ['s', { b: 6 }]), [
      [[[1, 2, 3]], [[4, 2, 3]], [[4, 2, 5]]],
      [[4, 6, 5]],
    ]);
    assert.match(
      String(await process(['t', { a: 1 }])),
      /must have no null that no signal before it of its source had/,
    );
  });

  it('keeps text and finite numbers of some length only', async () => {
    const process = open([{ feature_name: 'x', feature_type: 'numpyarraytype', feature_params: LAST }]);
    const [long, object] = await process(['s', { x: Array(5000).fill(1) }], ['s', { x: { y: 1 } }]);
    assert.match(String(long), /must have at most 8192 characters as JSON to be kept, got 10001/);
    assert.match(String(object), /must be text or finite numbers to be kept/);
  });

  it('gives a message that is processed again what it was given the first time, whatever came since', async () => {
    const store = openMemoryStateStore();
    const first = open(FEATURES, store);
    const events = [
      ['a', { speed: 1 }, 1],
      ['a', { speed: 2, gear: 'low' }, 2],
      ['a', { speed: 3 }, 3],
      ['a', { gear: 'high' }, 4],
      ['a', {}, 5],
    ] as const;
    const made = await first(...events);
    // The answer was lost: another process gets them again, with more.
    const again = open(FEATURES, store);
    assert.deepEqual(await again(...events, ['a', { speed: 9 }, 6]), [...made, [9, [0, 1]]]);
    assert.deepEqual(await again(events[2], events[4]), [made[2], made[4]]);
  });

  it('is nothing for other features than it was kept for', async () => {
    const store = openMemoryStateStore();
    await open(FEATURES, store)(['a', { speed: 1, gear: 'low' }]);
    const other = open([{ feature_name: 'speed', feature_type: 'numerictype', feature_params: LAST }], store);
    assert.match(String(await other(['a', {}, 2])), new RegExp(MISSING));
  });
});
