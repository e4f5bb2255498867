import assert from 'node:assert/strict';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { NotificationRule, ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { openPastAlerts } from '../../../functions/notification/alert/past-alerts.ts';
import { openNotifier } from '../../../functions/notification/notify.ts';
import type { RuleFailure } from '../../../functions/notification/read-event.ts';

function record(rules: NotificationRule[]): ScenarioRecord {
  return {
    id: 'door',
    rev: '1',
    paused: false,
    createdAt: '2026-01-01T00:00:00Z',
    updatedAt: '2026-01-01T00:00:00Z',
    scenario: {
      scenario_name: 'door',
      scenario_definition: { notification_definition: { in_topic: 'p', out_topic: 'n', rules } },
    },
  };
}

function prediction(id: string, data: unknown): CloudEvent {
  return { specversion: '1.0', id, source: 'cam1', type: 'thebox.prediction', correlationid: `c-${id}`, data };
}

const score = (value: number) => ({ correlation_id: 'c', prediction_data: { score: { data: [[value]] } } });

/** Rules without our options keep nothing: whatever they asked of a store would fail the test. */
const NO_STORE: StateStore = {
  load: async () => assert.fail('nothing is loaded'),
  save: async () => assert.fail('nothing is saved'),
  list: async () => assert.fail('nothing is listed'),
};

async function run(rules: NotificationRule[], events: CloudEvent[]) {
  const failures: [string, RuleFailure][] = [];
  const notifier = openNotifier({
    scenarios: { get: async () => record(rules) },
    store: NO_STORE,
    past: openPastAlerts(NO_STORE, 1),
    onIgnored: () => assert.fail('a rule without a memory ignores nothing'),
    onRevision: async () => undefined,
    onRuleFailure: (_scenario, eventId, failure) => failures.push([eventId, failure]),
    now: () => Date.parse('2026-01-02T03:04:05Z'),
  });
  const { results } = await notifier.process({ events, scenarioId: 'door', rev: '1' });
  return { results, failures };
}

const HIGH = { rule_name: 'high', rule_content: "prediction['score'].data[0] > 0.5", notification_id: 'alarm' };

describe('notifier', () => {
  it('makes a notification of each prediction that a rule holds for', async () => {
    const { results } = await run([HIGH], [prediction('1', score(0.9)), prediction('2', score(0.1))]);
    assert.deepEqual(results, [
      {
        id: '1',
        events: [
          {
            specversion: '1.0',
            id: '1.alarm',
            source: 'cam1',
            type: 'thebox.notification',
            time: '2026-01-02T03:04:05.000Z',
            datacontenttype: 'application/json',
            correlationid: 'c-1',
            data: {
              correlation_id: 'c',
              notification_id: 'alarm',
              notification_data: { score: { data: [[0.9]] } },
              time_stamp: '2026-01-02T03:04:05.000Z',
              scenario: 'door',
              source: 'cam1',
              rules: ['high'],
            },
          },
        ],
      },
      { id: '2', events: [] },
    ]);
  });

  it('makes one notification of several rules with one notification id, and one per id', async () => {
    const also = { ...HIGH, rule_name: 'also high', rule_content: "prediction['score'].data[0][0] >= 0.9" };
    const other = { ...HIGH, rule_name: 'other', notification_id: 'other' };
    const { results } = await run([HIGH, also, other], [prediction('1', score(0.9))]);
    const [result] = results;
    assert.ok(result && 'events' in result);
    assert.deepEqual(
      result.events.map((event) => [event.id, (event.data as { rules: string[] }).rules]),
      [
        ['1.alarm', ['high', 'also high']],
        ['1.other', ['other']],
      ],
    );
  });

  it('goes on with the other rules when one fails on a message, and tells which message', async () => {
    const missing = { ...HIGH, rule_name: 'missing', rule_content: "prediction['nothing'].data[0] > 1" };
    const { results, failures } = await run([missing, HIGH], [prediction('1', score(0.9))]);
    assert.ok(results[0] && 'events' in results[0] && results[0].events.length === 1);
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.[0], '1');
    assert.match(failures[0]?.[1].message ?? '', /KeyError.*nothing/);
  });

  it('refuses a message that is no prediction, and takes the next', async () => {
    const bad = [{ correlation_id: 'c' }, 'text', { prediction_data: { score: 3 } }];
    const { results } = await run(
      [HIGH],
      [...bad.map((data, i) => prediction(`b${i}`, data)), prediction('1', score(0.9))],
    );
    for (const result of results.slice(0, 3)) {
      assert.ok('error' in result && result.error.code === 'invalid_argument' && !result.error.retry);
    }
    assert.ok(results[3] && 'events' in results[3] && results[3].events.length === 1);
  });

  it('takes class labels and probabilities as the older rules do', async () => {
    const person = {
      rule_name: 'person',
      rule_content: "any(p.class_label == 'person' for p in prediction)",
      notification_id: 'p',
    };
    const car = {
      rule_name: 'car',
      rule_content: "any(p.class_label == 'car' and p.probability > 0.5 for p in prediction)",
      notification_id: 'c',
    };
    const data = {
      correlation_id: 'c',
      prediction_data: {
        a: { data: [0.8], class_label: 'person', probability: 0.8 },
        b: { data: [0.2], class_label: 'car', probability: 0.2 },
      },
    };
    const { results } = await run([person, car], [prediction('1', data)]);
    assert.ok(results[0] && 'events' in results[0]);
    assert.deepEqual(
      results[0].events.map((event) => event.id),
      ['1.p'],
    );
  });
});
