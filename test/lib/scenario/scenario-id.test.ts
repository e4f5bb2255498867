import assert from 'node:assert/strict';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import { nextRev, revNumber, scenarioIdOf, slugOf } from '#lib/scenario/scenario-id.ts';
import { scenarioOf } from '../../support/scenario.ts';

describe('scenarioIdOf', () => {
  it('is the _id, else a slug of the name', () => {
    assert.equal(scenarioIdOf({ ...scenarioOf('k'), _id: 'abc' }), 'abc');
    assert.equal(scenarioIdOf({ ...scenarioOf('k'), scenario_name: 'Key Stroke' }), 'key-stroke');
  });
});

describe('slugOf', () => {
  const slugs = {
    'keystroke scenario': 'keystroke-scenario',
    '  Größe: Łódź & Ærø!  ': 'grosse-lodz-aero',
    Ünïcödé: 'unicode',
    a__b: 'a-b',
    '３番': '3',
  };
  for (const [name, slug] of Object.entries(slugs)) {
    it(`makes ${slug} of ${name}`, () => assert.equal(slugOf(name), slug));
  }

  it('tells names apart that have no ASCII letters or are too long', () => {
    assert.match(slugOf('日本語'), /^scenario-[0-9a-f]{8}$/);
    assert.notEqual(slugOf('日本語'), slugOf('中文'));
    const long = 'word '.repeat(40);
    assert.equal(slugOf(long).length <= 64, true);
    assert.notEqual(slugOf(`${long}a`), slugOf(`${long}b`));
  });

  it('always makes an id that a scenario may have', () => {
    for (const name of [...Object.keys(slugs), '日本語', 'x'.repeat(200), '-', '_a', '__proto__']) {
      const _id = slugOf(name);
      assert.equal(parseScenario({ _id, scenario_name: name, scenario_definition: {} })._id, _id);
    }
  });
});

describe('nextRev', () => {
  it('counts up, and differs by content and by time', () => {
    const first = nextRev(scenarioOf('a'), '2026-11-21T12:00:00.000Z', undefined);
    assert.match(first, /^1-[0-9a-f]{12}$/);
    const second = nextRev(scenarioOf('b'), '2026-11-21T12:00:01.000Z', first);
    assert.equal(revNumber(second), 2);
    assert.notEqual(nextRev(scenarioOf('b'), '2026-11-21T12:00:02.000Z', first), second);
    assert.notEqual(nextRev(scenarioOf('c'), '2026-11-21T12:00:01.000Z', first), second);
    assert.equal(revNumber(nextRev(scenarioOf('b'), '2026-11-21T12:00:02.000Z', '99-abc')), 100);
  });
});
