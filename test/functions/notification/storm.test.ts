import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { openPastAlerts } from '../../../functions/notification/alert/past-alerts.ts';
import { openNotifier } from '../../../functions/notification/notify.ts';
import { freePort } from '../../../local/server/free-port.ts';
import { callBoxFunction, killBoxFunction, startBoxFunction } from '../../connector/box-function.ts';
import { type Fixture, jsonOf, openFixture } from '../../connector/fixture.ts';
import { essence, rulesRecord, STORM_RULES, stormEvents } from './support/storm.ts';

const COUNT = 10_000;
const KILLS = 6;

describe('function notification, killed during a storm', () => {
  const record = rulesRecord('storm', STORM_RULES);
  let fixture: Fixture;
  let child: ChildProcess;
  let port: number;

  before(async () => {
    // A call that is killed is answered once there is a new process, which takes long on a slow machine: given up before that it
    // would come again, and be counted among those that kill.
    fixture = await openFixture({ invocationTimeoutMs: 60_000 });
    fixture.gateway.functions.set('orchestrator', () => ({ status: 200, body: JSON.stringify(record) }));
    port = await freePort();
    child = await startBoxFunction('notification', port, fixture);
  });

  after(async () => {
    await killBoxFunction(child);
    await fixture.close();
  });

  it('gives exactly the notifications of an undisturbed run', async function () {
    this.timeout(900_000);
    const events = stormEvents(COUNT);
    // Its topics are there, and the messages wait.
    await fixture.put({ ...record, paused: true });
    const sequences: number[] = [];
    for (let at = 0; at < COUNT; at += 500) {
      const receipts = await Promise.all(events.slice(at, at + 500).map((event) => publish(fixture, event)));
      sequences.push(...receipts.map(({ seq }) => seq));
    }
    let calls = 0;
    let kills = 0;
    fixture.gateway.functions.set('notification', async (call) => {
      const number = ++calls;
      if (kills >= KILLS || number % 20 !== 0) return callBoxFunction(port, call);
      kills++;
      // By turns: in the middle of the work, and when it is done and only the answer is missing.
      const answered = callBoxFunction(port, call);
      if (kills % 2 === 0) await answered;
      await killBoxFunction(child);
      await answered;
      child = await startBoxFunction('notification', port, fixture);
      return { status: 502, body: 'the function has gone' };
    });
    const expected = await undisturbed(events.map((event, i) => ({ ...event, boxsequence: String(sequences[i]) })));
    await fixture.put(record);
    await arrival(fixture, expected.length);
    await fixture.idle('storm');
    const found = (await fixture.all('storm-out')).map((message) =>
      essence({
        id: message.attributes.id ?? '',
        source: message.attributes.source ?? '',
        data: jsonOf(message),
      }),
    );
    assert.equal(kills, KILLS);
    for (const [i, one] of expected.entries()) assert.equal(found[i], one, `notification ${i} of ${expected.length}`);
    assert.equal(found.length, expected.length);
  });

  async function undisturbed(events: readonly CloudEvent[]): Promise<string[]> {
    const notifier = openNotifier({
      scenarios: { get: async () => record },
      store: openMemoryStateStore(),
      past: openPastAlerts(openMemoryStateStore(), 1e9),
      onRuleFailure: () => undefined,
      onIgnored: () => undefined,
      onRevision: async () => undefined,
    });
    const { results } = await notifier.process({ events, scenarioId: 'storm', rev: '1-a' });
    return results.flatMap((result) => ('events' in result ? result.events.map(essence) : []));
  }
});

/** Waits until so many notifications have come, for as long as the test may take. */
async function arrival({ reader }: Fixture, count: number): Promise<void> {
  let left = count;
  for await (const _ of reader.read('storm-out', { from: { seq: 1 }, until: 'never' })) if (--left === 0) return;
}

function publish(fixture: Fixture, { data, ...event }: CloudEvent) {
  const { id, source, type, time = '', correlationid = '' } = event;
  const attributes = { id, source, type, time, correlationid, datacontenttype: 'application/json' };
  return fixture.publisher.publish('storm-in', { attributes, body: Buffer.from(JSON.stringify(data)) });
}
