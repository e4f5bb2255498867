import assert from 'node:assert/strict';
import { BoxError } from '#lib/error/box-error.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { openPastAlerts } from '../../../functions/notification/alert/past-alerts.ts';
import { openNotifier } from '../../../functions/notification/notify.ts';
import { tidy } from '../../../functions/notification/tidy.ts';
import { rulesRecord, stormEvents } from './support/storm.ts';

const rule = (name: string) =>
  ({ rule_name: name, rule_content: 'True', notification_id: name, notify_on: 'change' }) as const;

/** A scenario with an open alert of each of two rules, and what it is `now`. */
async function setUp(now: () => ScenarioRecord) {
  const before = rulesRecord('house', [rule('a'), rule('b')]);
  const store = openMemoryStateStore();
  const past = openPastAlerts(openMemoryStateStore(), 1e9);
  const notifier = openNotifier({
    scenarios: { get: async () => before },
    store,
    past,
    onRuleFailure: () => undefined,
    onIgnored: () => undefined,
    onRevision: async () => undefined,
  });
  await notifier.process({ events: stormEvents(26).slice(0, 1), scenarioId: 'house', rev: '1-a' });
  const run = (newest = 1) =>
    tidy({ store, past, scenarios: { current: async () => now() }, newestRev: () => newest, now: () => 0 });
  return { run, kept: async () => (await store.list('house')).size, past };
}

describe('tidy', () => {
  it('leaves what the scenario has', async () => {
    const { run, kept } = await setUp(() => rulesRecord('house', [rule('b'), rule('a')]));
    await run();
    assert.equal(await kept(), 2);
  });

  it('drops what belongs to a rule that was changed, and its alert is over', async () => {
    const { run, kept, past } = await setUp(() => rulesRecord('house', [rule('a'), rule('c')]));
    await run();
    assert.equal(await kept(), 1);
    assert.deepEqual(
      (await past.list('house')).map(({ rule, state }) => [rule, state]),
      [['b', 'resolved']],
    );
  });

  it('drops everything of a scenario that is no more', async () => {
    const { run, kept, past } = await setUp(() => {
      throw new BoxError('not_found', 'Cannot get scenario house: there is none');
    });
    await run();
    assert.equal(await kept(), 0);
    assert.equal((await past.list('house')).length, 0);
  });

  it('drops nothing while the scenario cannot be asked for, or an old revision is answered', async () => {
    const away = await setUp(() => {
      throw new BoxError('unavailable', 'Cannot get scenario house: nobody answers');
    });
    await away.run();
    assert.equal(await away.kept(), 2);
    const old = await setUp(() => rulesRecord('house', []));
    await old.run(2);
    assert.equal(await old.kept(), 2);
  });

  it('drops nothing where a rule does not compile, as it may of another release, and all where nothing notifies', async () => {
    const other = await setUp(() => rulesRecord('house', [rule('a'), { ...rule('b'), rule_content: 'a new word' }]));
    await other.run();
    assert.equal(await other.kept(), 2);
    const silent = rulesRecord('house', []);
    const none = await setUp(() => ({ ...silent, scenario: { ...silent.scenario, scenario_definition: {} } }));
    await none.run();
    assert.equal(await none.kept(), 0);
  });
});
