import assert from 'node:assert/strict';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { NotificationRule } from '#lib/scenario/scenario.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { openAlerts } from '../../../../functions/notification/alert/alerts.ts';
import { openPastAlerts } from '../../../../functions/notification/alert/past-alerts.ts';
import { openNotifier } from '../../../../functions/notification/notify.ts';
import { rulesRecord } from '../support/storm.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

/** A notifier and the alerts of its scenario, with a clock that the test sets. */
function open(options: Partial<NotificationRule>) {
  const rule: NotificationRule = {
    rule_name: 'hot',
    rule_content: "prediction['t'].data[0] > 30",
    notification_id: 'n',
  };
  const record = rulesRecord('a.b', [{ ...rule, notify_on: 'change', resolve: true, ...options }]);
  const store = openMemoryStateStore();
  const past = openPastAlerts(openMemoryStateStore(), 1e9);
  const timers: { key: string; at: string }[] = [];
  let seconds = 0;
  const now = () => START + seconds * 1000;
  const alerts = openAlerts({
    store,
    past,
    now,
    setTimer: async (_, key, at) => {
      timers.push({ key, at });
    },
  });
  const notifier = openNotifier({
    scenarios: { get: async () => record },
    store,
    past,
    now,
    onRuleFailure: (_, id, { message }) => assert.fail(`${id} ${message}`),
    onIgnored: () => undefined,
    onRevision: async () => undefined,
  });
  let sequence = 0;
  const process = async (event: Partial<CloudEvent>): Promise<string[]> => {
    sequence++;
    const whole = { specversion: '1.0', id: `e${sequence}`, source: 's', boxsequence: String(sequence), ...event };
    const { results } = await notifier.process({ events: [whole as CloudEvent], scenarioId: 'a.b', rev: '1-a' });
    const [result] = results;
    assert.ok(result && 'events' in result);
    return result.events.map(({ data }) => String(Object(data).status));
  };
  return {
    alerts,
    timers,
    at: (value: number) => {
      seconds = value;
    },
    send: (t: number, source = 's') =>
      process({
        type: 'thebox.prediction',
        time: new Date(now()).toISOString(),
        source,
        data: { correlation_id: `c${sequence + 1}`, prediction_data: { t: { data: [t] } } },
      }),
    timer: (data: unknown) => process({ type: 'thebox.timer', data }),
  };
}

describe('alerts', () => {
  it('list has what is open and what is over, the newest first', async () => {
    const { alerts, send, at } = open({});
    await send(31, 'one');
    at(1);
    await send(32, 'two');
    at(2);
    await send(20, 'one');
    const list = await alerts.list({ scenario: 'a.b', limit: 10 });
    assert.deepEqual(
      list.map(({ group, state, opened_at, resolved_at, notifications }) => [
        group,
        state,
        opened_at,
        resolved_at,
        notifications,
      ]),
      [
        ['two', 'open', '2026-01-01T00:00:01.000Z', undefined, 1],
        ['one', 'resolved', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:02.000Z', 1],
      ],
    );
    assert.deepEqual(await alerts.list({ scenario: 'a.b', state: 'open', limit: 10 }), list.slice(0, 1));
    assert.deepEqual(await alerts.list({ scenario: 'a.b', state: 'resolved', limit: 10 }), list.slice(1));
    assert.deepEqual(await alerts.list({ scenario: 'a.b', limit: 1 }), list.slice(0, 1));
    assert.deepEqual(await alerts.list({ scenario: 'a', limit: 10 }), []);
    for (const alert of list) assert.deepEqual(await alerts.get(alert.id), alert);
  });

  it('an acknowledged alert does not notify until it resolves, and keeps who it was', async () => {
    const { alerts, send, at } = open({ notify_on: 'every' });
    assert.deepEqual(await send(31), ['firing']);
    const [alert] = await alerts.list({ scenario: 'a.b', limit: 10 });
    assert.ok(alert);
    at(5);
    const changed = await alerts.acknowledge(alert.id, { by: 'Ada', note: 'on my way' });
    assert.equal(changed.state, 'acknowledged');
    assert.deepEqual(changed.history, [
      { action: 'acknowledged', at: '2026-01-01T00:00:05.000Z', by: 'Ada', note: 'on my way' },
    ]);
    assert.deepEqual(await send(31), []);
    assert.deepEqual(await send(20), ['resolved']);
    assert.equal((await alerts.get(alert.id)).state, 'resolved');
    assert.deepEqual((await alerts.get(alert.id)).history, changed.history);
    assert.deepEqual(await send(31), ['firing'], 'the next one is another');
  });

  it('a snoozed alert notifies again when the time is over and it is still open', async () => {
    const { alerts, send, at, timer, timers } = open({});
    await send(31);
    const [alert] = await alerts.list({ scenario: 'a.b', limit: 10 });
    assert.ok(alert);
    const snoozed = await alerts.snooze(alert.id, { by: 'Ada' }, START + 60_000);
    assert.deepEqual([snoozed.state, snoozed.until], ['snoozed', '2026-01-01T00:01:00.000Z']);
    assert.equal(timers[0]?.at, '2026-01-01T00:01:00.000Z');
    at(30);
    assert.deepEqual(await send(31), []);
    at(60);
    assert.deepEqual(await timer(timers[0]), ['firing']);
    assert.equal((await alerts.get(alert.id)).state, 'open');
    assert.equal((await alerts.get(alert.id)).notifications, 2);
  });

  it('a snooze of a rule that notifies on every message ends with the first message after it', async () => {
    const { alerts, send, at } = open({ notify_on: 'every' });
    await send(31);
    const [alert] = await alerts.list({ scenario: 'a.b', limit: 10 });
    await alerts.snooze(alert?.id ?? '', { by: 'Ada' }, START + 60_000);
    at(59);
    assert.deepEqual(await send(31), []);
    at(61);
    assert.deepEqual(await send(31), ['firing']);
  });

  it('an alert that was resolved by hand is over, and the next message that holds opens another', async () => {
    const { alerts, send, at } = open({});
    await send(31);
    const [alert] = await alerts.list({ scenario: 'a.b', limit: 10 });
    at(3);
    const over = await alerts.resolve(alert?.id ?? '', { by: 'Ada' });
    assert.deepEqual([over.state, over.resolved_at], ['resolved', '2026-01-01T00:00:03.000Z']);
    assert.deepEqual(await send(31), ['firing']);
    await assert.rejects(alerts.acknowledge(over.id, { by: 'Ada' }), { code: 'conflict', message: /it is resolved/ });
  });

  it('says not_found for an alert that is none', async () => {
    const { alerts } = open({});
    for (const id of ['x', 'a=2Eb.x.y.1', `a=2Eb.${'0'.repeat(20)}.${'0'.repeat(20)}.1`]) {
      await assert.rejects(alerts.get(id), { code: 'not_found' });
      await assert.rejects(alerts.resolve(id, { by: 'Ada' }), { code: 'not_found' });
    }
  });
});
