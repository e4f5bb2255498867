import assert from 'node:assert/strict';
import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { openPastAlerts } from '../../../functions/notification/alert/past-alerts.ts';
import { openNotifier } from '../../../functions/notification/notify.ts';
import { sharedNats, uniqueName } from '../../support/servers.ts';
import { essence, rulesRecord, STORM_RULES, stormEvents } from './support/storm.ts';

interface Setup {
  readonly store?: StateStore;
  readonly past?: StateStore;
  readonly record?: ScenarioRecord;
  readonly now?: () => number;
}

function open({ store = openMemoryStateStore(), past = openMemoryStateStore(), record, now }: Setup = {}) {
  const failures: string[] = [];
  const ignored: string[] = [];
  const notifier = openNotifier({
    scenarios: { get: async () => record ?? rulesRecord('storm', STORM_RULES) },
    store,
    past: openPastAlerts(past, 1e9),
    onRuleFailure: (_, id, { message }) => failures.push(`${id} ${message}`),
    onIgnored: (_, rule, reason) => ignored.push(`${rule} ${reason}`),
    onRevision: async () => undefined,
    ...(now && { now }),
  });
  const process = (events: readonly CloudEvent[]) => notifier.process({ events, scenarioId: 'storm', rev: '1-a' });
  return { process, failures, ignored };
}

const numbered = (events: readonly CloudEvent[]): CloudEvent[] =>
  events.map((event, i) => ({ ...event, boxsequence: String(i + 1) }));

function outputs({ results }: FunctionAnswer): CloudEvent[][] {
  return results.map((result) => ('events' in result ? [...result.events] : assert.fail(result.error.message)));
}

const essences = (lists: readonly (readonly CloudEvent[])[]) => lists.map((list) => list.map(essence));

/** Says where two runs part; all of what follows would be too much to read. */
function assertSame(found: readonly (readonly string[])[], expected: readonly (readonly string[])[]): void {
  for (const [i, list] of expected.entries()) assert.deepEqual(found[i], list, `event ${i}`);
  assert.equal(found.length, expected.length);
}

describe('notifier: rules with a memory', () => {
  it('says with the notification which alert it is of, how grave, and the message', async () => {
    const record = rulesRecord('storm', [
      {
        rule_name: 'hot',
        rule_content: "prediction['t'].data[0] > 30",
        notification_id: 'heat',
        notify_on: 'change',
        resolve: true,
        severity: 'critical',
        group_by: "source.split('-')[0]",
        message: "{source} is at {prediction['t'].data[0]:.1f}",
      },
    ]);
    const { process, failures } = open({ record, now: () => Date.parse('2026-01-01T00:00:05Z') });
    const event = (i: number, t: number): CloudEvent => ({
      ...numbered(stormEvents(1))[0],
      specversion: '1.0',
      type: 'thebox.prediction',
      id: `e${i}`,
      boxsequence: String(i),
      source: 'hall-1',
      time: `2026-01-01T00:00:0${i}Z`,
      data: { correlation_id: `c${i}`, prediction_data: { t: { data: [t] } } },
    });
    const [first, second, third] = outputs(await process([event(1, 31), event(2, 32), event(3, 20)]));
    const body = (list: readonly CloudEvent[] | undefined) => list?.[0]?.data as Record<string, unknown>;
    const [alert] = body(first).alerts as { id: string }[];
    assert.deepEqual(
      { ...body(first), alerts: undefined, notification_data: undefined },
      {
        correlation_id: 'c1',
        notification_id: 'heat',
        notification_data: undefined,
        time_stamp: '2026-01-01T00:00:05.000Z',
        scenario: 'storm',
        source: 'hall-1',
        rules: ['hot'],
        severity: 'critical',
        message: 'hall-1 is at 31.0',
        group: 'hall',
        status: 'firing',
        alerts: undefined,
      },
    );
    assert.deepEqual(second, []);
    assert.equal(body(third).status, 'resolved');
    assert.equal(third?.[0]?.id, 'e3.heat.resolved');
    assert.equal((body(third).alerts as { id: string }[])[0]?.id, alert?.id);
    assert.deepEqual(failures, []);
  });

  it('notifies without the text when the text fails', async () => {
    const rules = [
      { rule_name: 'r', rule_content: 'True', notification_id: 'n', notify_on: 'change', message: '{1 // 0}' } as const,
    ];
    const { process, failures } = open({ record: rulesRecord('storm', rules) });
    const [made] = outputs(await process(numbered(stormEvents(26)).slice(0, 1)));
    assert.equal(made?.length, 1);
    assert.equal('message' in Object(made?.[0]?.data), false);
    assert.match(failures[0] ?? '', /ZeroDivisionError/);
  });

  it('asks for a timer, and notifies when it comes', async () => {
    const rules = [
      { rule_name: 'r', rule_content: 'True', notification_id: 'n', notify_on: 'change', for_seconds: 10 } as const,
    ];
    const store = openMemoryStateStore();
    const { process } = open({
      store,
      record: rulesRecord('storm', rules),
      now: () => Date.parse('2026-02-01T00:00:00Z'),
    });
    const [event] = numbered(stormEvents(26));
    assert.ok(event);
    const { wake } = await process([event]);
    // Ten seconds after the message has come, whenever it was made.
    assert.deepEqual(
      wake?.map(({ at }) => at),
      ['2026-02-01T00:00:10.000Z'],
    );
    assert.deepEqual((await process([event])).wake, wake, 'a message that comes again asks again');
    const timer = (data: unknown, sequence: number): CloudEvent => ({
      specversion: '1.0',
      id: `timer-${sequence}`,
      source: 'default',
      type: 'thebox.timer',
      boxsequence: String(sequence),
      data,
    });
    const stale = await process([timer({ ...wake?.[0], at: '2026-02-01T00:00:09.000Z' }, 40)]);
    assert.deepEqual(outputs(stale), [[]]);
    const [made = []] = outputs(await process([timer(wake?.[0], 41)]));
    const { alerts = [], ...body } = (made[0]?.data ?? {}) as { alerts?: { id: string; opened_at: string }[] };
    assert.equal(made[0]?.id, `${alerts[0]?.id}.open`);
    assert.equal(made[0]?.correlationid, 'c0');
    assert.deepEqual(
      { ...body, notification_data: null, time_stamp: '' },
      {
        correlation_id: 'c0',
        notification_id: 'n',
        notification_data: null,
        time_stamp: '',
        scenario: 'storm',
        source: event.source,
        rules: ['r'],
        status: 'firing',
      },
    );
    assert.equal(Date.parse(alerts[0]?.opened_at ?? ''), Date.parse(event.time ?? '') + 10_000);
    assert.deepEqual(outputs(await process([timer(wake?.[0], 41)])), [made], 'the timer that comes again as well');
  });

  it('keeps what a rule knows when another is changed, and forgets what is changed itself', async () => {
    const store = openMemoryStateStore();
    const [a, b] = ['a', 'b'].map((name) => ({
      rule_name: name,
      rule_content: 'True',
      notification_id: name,
      notify_on: 'change' as const,
    }));
    assert.ok(a && b);
    const events = numbered(stormEvents(30)).map((event) => ({ ...event, source: 's' }));
    const run = async (rules: (typeof a)[], i: number) => {
      const { process } = open({ store, record: rulesRecord('storm', rules, { createdAt: '2026-01-01T00:00:00Z' }) });
      return outputs(await process(events.slice(i, i + 1)))[0]?.map(({ id }) => id);
    };
    assert.deepEqual(await run([a, b], 0), ['e0.a', 'e0.b']);
    assert.deepEqual(await run([a, { ...b, rule_content: '1 == 1' }], 1), ['e1.b']);
    assert.deepEqual(await run([{ ...a, ...{ message: 'new' } }, b], 2), []);
  });
});

describe('notifier: a storm with crashes', () => {
  const events = numbered(stormEvents(10_000));

  let expected: string[][];
  let connection: NatsConnection;

  before(async () => {
    connection = await connectNats({ url: (await sharedNats()).url, name: 'test' });
    expected = essences(outputs(await open().process(events)));
    const count = expected.flat().length;
    assert.ok(count > 1000, `a storm of ${count} notifications`);
  });

  after(() => connection.close());

  /** Plays the connector: batches of any size, of which some are lost on the way back and come again otherwise cut. */
  async function disturbed(setup: () => Setup): Promise<string[][]> {
    let seed = 3;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const found: string[][] = [];
    let { process } = open(setup());
    while (found.length < events.length) {
      const size = 1 + random(300);
      const answer = await process(events.slice(found.length, found.length + size));
      // The function dies after its state was kept and before its answer arrived; what it knew in its head is gone.
      if (random(3) === 0) ({ process } = open(setup()));
      else found.push(...essences(outputs(answer)));
    }
    return found;
  }

  it('gives exactly the notifications of an undisturbed run, in the same order', async () => {
    const kept = { store: openMemoryStateStore(), past: openMemoryStateStore() };
    assertSame(await disturbed(() => kept), expected);
  });

  it('gives them on NATS as well', async () => {
    const openBucket = () => openNatsStateStore(connection, { bucket: uniqueName(), maxBytes: 64 * 1024 * 1024 });
    const kept = { store: await openBucket(), past: await openBucket() };
    assertSame(await disturbed(() => kept), expected);
  });

  it('gives them when two process the same messages at once', async () => {
    const store = await openNatsStateStore(connection, { bucket: uniqueName(), maxBytes: 64 * 1024 * 1024 });
    const [one, two] = [open({ store }), open({ store })];
    const found: string[][] = [];
    for (let at = 0; at < 2000; at += 100) {
      const batch = events.slice(at, at + 100);
      const [first, second] = await Promise.all([one.process(batch), two.process(batch)]);
      assertSame(essences(outputs(first)), essences(outputs(second)));
      found.push(...essences(outputs(first)));
    }
    assertSame(found, expected.slice(0, 2000));
  });
});
