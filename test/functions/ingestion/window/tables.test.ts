import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { FeaturesBody } from '#lib/message/body.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { parseTensor } from '#lib/tensor/tensor.ts';
import { described, featureMakerOf } from '../feature-maker.ts';

interface Case {
  readonly title: string;
  readonly window: { readonly rows?: number; readonly columns: readonly unknown[] };
  readonly signals: readonly (readonly [number, string, unknown])[];
  readonly expected: Readonly<Record<string, readonly (readonly (readonly (number | null)[])[])[]>>;
}

const LIMITS = { maxPixels: 1, maxFeatureBytes: 1_000_000, maxInflatedBytes: 1_000_000 };
const WHOLE = { feature_name: 'x', feature_type: 'numpyarraytype', feature_params: { dtype: 'float64' } };
/** Digits of a float64 that sums of other orders may differ in. */
const TOLERANCE = 1e-12;

function eventsOf({ signals }: Case): CloudEvent[] {
  return signals.map(
    ([ms, source, data], i): CloudEvent => ({
      specversion: '1.0',
      id: `${i}`,
      source,
      type: 'thebox.signal',
      time: new Date(ms).toISOString(),
      boxsequence: `${i + 1}`,
      data,
    }),
  );
}

/** What each event made of a case's window, in batches of some size. */
async function resultsOf(each: Case, batchSize: number): Promise<EventResult[]> {
  const make = featureMakerOf(described('w', [WHOLE], each.window), LIMITS);
  const events = eventsOf(each);
  const results: EventResult[] = [];
  for (let at = 0; at < events.length; at += batchSize) {
    const batch = { events: events.slice(at, at + batchSize), scenarioId: 'w', rev: '1-a' };
    results.push(...(await make(batch)).results);
  }
  return results;
}

/** The same, when every third answer is lost and what it was about comes again in batches of other sizes. */
async function disturbedResultsOf(each: Case): Promise<EventResult[]> {
  const store = openMemoryStateStore();
  const make = () => featureMakerOf(described('w', [WHOLE], each.window), LIMITS, { store });
  const events = eventsOf(each);
  const results: EventResult[] = [];
  for (let seed = 1, at = 0; at < events.length; seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) {
    const batch = { events: events.slice(at, at + 1 + ((seed >>> 8) % 20)), scenarioId: 'w', rev: '1-a' };
    const answer = await make()(batch);
    if ((seed >>> 20) % 3 === 0) continue;
    // Of what was answered a part may have been acknowledged.
    const done = (seed >>> 24) % 2 === 0 ? answer.results.length : Math.ceil(answer.results.length / 2);
    results.push(...answer.results.slice(0, done));
    at += done;
  }
  return results;
}

/** The windows of each source. */
function windowsOf({ window }: Case, results: readonly EventResult[]): Record<string, number[][]> {
  const made: Record<string, number[][]> = {};
  for (const result of results) {
    assert.ok('events' in result, JSON.stringify(result));
    for (const { source, data } of result.events) {
      const tensor = parseTensor((data as FeaturesBody).feature_data[0]?.data, { dtype: 'float64' });
      assert.deepEqual(tensor.shape, [window.rows ?? 1, window.columns.length]);
      made[source] ??= [];
      made[source].push(Array.from(tensor.data as Float64Array));
    }
  }
  return made;
}

function assertSame(made: Record<string, number[][]>, expected: Case['expected']): void {
  for (const [source, windows] of Object.entries(expected)) {
    const own = made[source] ?? [];
    for (const [i, rows] of windows.entries()) {
      for (const [j, value] of rows.flat().entries()) {
        const [got, wanted] = [own[i]?.[j] ?? Number.POSITIVE_INFINITY, value ?? Number.NaN];
        const isSame = Number.isNaN(wanted)
          ? Number.isNaN(got)
          : Math.abs(got - wanted) <= TOLERANCE * Math.max(1000, Math.abs(wanted));
        if (!isSame) assert.fail(`window ${i} of ${source}, element ${j} must be ${wanted}, got ${got}`);
      }
    }
    assert.equal(own.length, windows.length, `windows of ${source}`);
  }
}

describe('windows beside pandas', () => {
  const url = process.env.WINDOW_TABLES ?? new URL('tables/windows.json', import.meta.url);
  for (const each of JSON.parse(readFileSync(url, 'utf8')) as Case[]) {
    it(each.title, async () => {
      const whole = await resultsOf(each, 1000);
      assertSame(windowsOf(each, whole), each.expected);
      assert.deepEqual(await resultsOf(each, 7), whole);
      assert.deepEqual(await disturbedResultsOf(each), whole);
    });
  }
});
