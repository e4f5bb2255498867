import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { checkDataDescriptor } from '#lib/feature/data-descriptor.ts';
import { AGGREGATES } from '#lib/feature/window/aggregate.ts';
import { COLUMN_DOCS } from '#lib/feature/window/column.ts';
import { WINDOW_DOCS } from '#lib/feature/window/window-spec.ts';

const COLUMNS = [{ name: 'a', from: '$.a' }];

function problemsOf(window: unknown, ...params: Record<string, unknown>[]): string[] {
  const feature_list = (params.length === 0 ? [{}] : params).map(
    (feature_params, i) => ({ feature_name: `x${i}`, feature_type: 'numpyarraytype', feature_params }) as const,
  );
  const descriptor = { ingestion_data_name: 'd', feature_list, window: window as Record<string, unknown> };
  return checkDataDescriptor(descriptor).map(({ pointer, message }) => `${pointer} ${message}`);
}

describe('window of a data descriptor', () => {
  it('is taken with slots of time, of signals, and such that slide', () => {
    for (const slots of [
      { size_seconds: 1 },
      { size_seconds: 10, every_seconds: 2.5, offset_seconds: 3600, lateness_seconds: 4, max_gap_seconds: 60 },
      { size_seconds: 10, every_signals: 2, max_signals: 50 },
      { size_signals: 100, every_signals: 1, max_gap_seconds: 5 },
    ]) {
      assert.deepEqual(problemsOf({ ...slots, columns: COLUMNS }), []);
    }
  });

  it('is refused with every problem at once, each with its pointer', () => {
    const columns = [
      { name: 'a', of: 'median', fill: 'none', froom: '$.a' },
      { name: 'a' },
      { name: 'rows' },
      { names: ['c', 'd'], by: 'sauce', where: { kind: {} } },
      { of: 'sum' },
      { name: 'e', by: 'source', from: 'image' },
    ];
    assert.deepEqual(problemsOf({ size_seconds: 1, size_signals: 2, columns, per: 'every', rows: 0 }), [
      '/window/columns/0/froom is not known here: did you mean from?',
      '/window/columns/0/of must be one of sum, mean, min, max, first, last, count, delta, got "median"',
      '/window/columns/0/fill must be a number, zero, nan, last or skip, got "none"',
      '/window/columns/1 must not have column a twice',
      '/window/columns/2 must not have a column named rows',
      '/window/columns/3/by must be a JSONPath that begins with $, or { "field": … }, got "sauce"',
      '/window/columns/3/where/kind must be text, a number, true or false, got an object',
      '/window/columns/4 must have name or names',
      '/window/columns/5/by must come with names',
      '/window/columns/5/from must be a value of a record: a window takes no pictures, sound or bytes',
      '/window must have size_seconds or size_signals',
      '/window/rows must be a whole number from 1 to 65536, got 0',
      '/window/per must be a JSONPath that begins with $, or { "field": … }, got "every"',
    ]);
  });

  it('is refused when slots cannot be, or could never close', () => {
    const problem = (window: object) => problemsOf({ ...window, columns: COLUMNS }).join();
    assert.equal(
      problem({ size_seconds: 1, every_seconds: 2 }),
      '/window/every_seconds must be at most size_seconds, got 2',
    );
    assert.equal(
      problem({ size_signals: 5, every_signals: 6 }),
      '/window/every_signals must be at most size_signals, got 6',
    );
    assert.equal(
      problem({ size_signals: 5, every_seconds: 6 }),
      '/window/every_seconds must not be beside size_signals',
    );
    assert.equal(
      problem({ size_signals: 5, lateness_seconds: 6 }),
      '/window/lateness_seconds must not be with size_signals alone',
    );
    assert.equal(
      problem({ size_seconds: 5, lateness_seconds: 6, max_gap_seconds: 10 }),
      '/window/max_gap_seconds must be at least 16 (a slot, the next one and lateness), got 10',
    );
    assert.match(problem({ size_seconds: 0.0001 }), /size_seconds must be a number from 0.001 to/);
    assert.equal(
      problem({ size_seconds: 5, max_signals: 6 }),
      '/window/max_signals must come with size_seconds and every_signals',
    );
    assert.match(problem({}), /must have size_seconds or size_signals/);
    assert.match(problemsOf({ size_seconds: 1 }).join(), /^\/window must have columns$/);
  });

  it('is refused when it could outgrow what is kept of it', () => {
    const names = Array.from({ length: 1000 }, (_, i) => `s${i}`);
    const columns = [{ names, of: 'sum' }];
    assert.deepEqual(problemsOf({ size_seconds: 1, rows: 10, columns }), []);
    for (const large of [
      { size_seconds: 1, rows: 100, columns },
      { size_seconds: 1, max_gap_seconds: 3600, columns },
      { size_seconds: 86_400, every_seconds: 1, max_gap_seconds: 90_000, columns: COLUMNS },
      { size_seconds: 1, lateness_seconds: 3000, columns },
      { size_signals: 1000, every_signals: 1, columns },
      { size_seconds: 1, every_signals: 1, max_signals: 65_536, columns: COLUMNS },
    ]) {
      assert.match(problemsOf(large).join(), /must keep at most 65536 numbers/, JSON.stringify(large).slice(0, 80));
    }
  });

  it('is what features take: columns, rows, start, end, source, and no last value', () => {
    const window = { size_seconds: 1, columns: COLUMNS };
    assert.deepEqual(
      problemsOf(window, { from: { field: 'a' } }, { from: '$.rows[-1]' }, { from: [{ field: 'end' }] }),
      [],
    );
    assert.deepEqual(problemsOf(window, { from: { field: 'temperature' } }, { missing: 'last' }), [
      '/feature_list/0/feature_params/from/field is not known here: allowed are a, rows, start, end, source',
      '/feature_list/1/feature_params/missing must not be last of a window: its columns have a fill',
    ]);
    const none = { ingestion_data_name: 'd', feature_list: [], window };
    assert.deepEqual(checkDataDescriptor(none), [
      { pointer: '/window', message: 'needs a feature_list that takes its rows' },
    ]);
  });
});

describe('docs/windows.md', () => {
  let page: string;
  before(async () => {
    page = await readFile(new URL('../../../../docs/windows.md', import.meta.url), 'utf8');
  });

  /** The table below a heading: first cell without its backquotes, second cell. */
  function table(heading: string): [string, string][] {
    const section = page.split(new RegExp(`^#+ ${heading}$`, 'm'))[1]?.split(/^#/m)[0] ?? '';
    return [...section.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(([, name, text]) => [name ?? '', text ?? '']);
  }

  it('has every field and every aggregate, in the words of the code', () => {
    assert.deepEqual(table('window'), Object.entries(WINDOW_DOCS));
    assert.deepEqual(table('columns'), Object.entries(COLUMN_DOCS));
    assert.deepEqual(
      table('of'),
      Object.entries(AGGREGATES).map(([name, { doc }]) => [name, doc]),
    );
  });

  it('has examples that are taken', () => {
    const examples = [...page.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text]) => JSON.parse(text ?? ''));
    assert.equal(examples.length, 5);
    for (const example of examples) assert.deepEqual(problemsOf(example.window ?? example), []);
  });
});
