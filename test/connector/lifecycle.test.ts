import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import { STREAM } from '#lib/bus/subjects.ts';
import {
  answering,
  echo,
  eventsOf,
  type Fixture,
  jsonOf,
  openFixture,
  PATIENT,
  record,
  results,
  until,
} from './fixture.ts';

describe('connector: scenarios that change', () => {
  let box: Fixture;

  before(async () => {
    box = await openFixture(PATIENT);
    box.gateway.functions.set('echo', echo);
  });

  after(() => box.close());

  it('a scenario replaced under load loses nothing, and no batch mixes two revisions', async () => {
    const seen: string[] = [];
    box.gateway.functions.set('revisions', (call) => {
      const rev = String(call.headers['box-scenario-rev']);
      seen.push(rev);
      return results(eventsOf(call).map(({ id, data }) => ({ id, events: [{ data: { rev, n: data } }] as never })));
    });
    const scenario = record('load', { ingestion: { in: 'load_in', out: 'load_out', function: 'revisions' } });
    await box.put(scenario);
    let total = 0;
    const send = async () => {
      const from = total;
      total += 20;
      await Promise.all(Array.from({ length: 20 }, (_, i) => box.send('load_in', from + i)));
    };
    let isChanging = true;
    const sending = (async () => {
      while (isChanging) await send();
    })();
    try {
      for (let rev = 2; rev <= 6; rev++) await box.put({ ...scenario, rev: `${rev}-x` });
    } finally {
      isChanging = false;
      await sending;
    }
    await send();
    const outputs = (await box.receive('load_out', total)).map(jsonOf) as { rev: string; n: number }[];
    assert.deepEqual(
      outputs.map(({ n }) => n).sort((a, b) => a - b),
      Array.from({ length: total }, (_, i) => i),
    );
    const revs = outputs.map(({ rev }) => rev);
    assert.deepEqual(revs, revs.toSorted());
    assert.equal(revs.at(-1), '6-x');
    await box.idle('load');
    assert.equal((await box.all('load_out')).length, total);
  });

  it('a replaced scenario is free of a function that never answers', async () => {
    const scenario = record('stuck', { ingestion: { in: 'stuck_in', out: 'stuck_out', function: 'nowhere' } });
    await box.put(scenario);
    await box.send('stuck_in', 1);
    await until(async () => (await box.status.stages()).some((stage) => stage.state === 'retrying'), 'a retry');
    await box.put(
      record('stuck', { ingestion: { in: 'stuck_in', out: 'stuck_out', function: 'echo' } }, { rev: '2-b' }),
    );
    assert.deepEqual((await box.receive('stuck_out', 1)).map(jsonOf), [1]);
  });

  it('a paused scenario keeps its messages waiting, and goes on where it was', async () => {
    const scenario = record('paused', { ingestion: { in: 'paused_in', out: 'paused_out', function: 'echo' } });
    await box.put(scenario);
    await box.send('paused_in', 1);
    await box.receive('paused_out', 1);
    await box.put({ ...scenario, paused: true, rev: '2-b' });
    for (const n of [2, 3]) await box.send('paused_in', n);
    const stage = async () => (await box.status.stages()).find((each) => each.scenario === 'paused');
    const isPaused = async () => {
      const { state, waiting } = (await stage()) ?? {};
      return state === 'paused' && waiting === 2;
    };
    await until(isPaused, 'two waiting messages of a stage that is paused');
    assert.equal((await box.all('paused_out')).length, 1);
    await box.put({ ...scenario, rev: '3-c' });
    assert.deepEqual((await box.receive('paused_out', 3)).map(jsonOf), [1, 2, 3]);
    await until(async () => (await stage())?.state === 'running', 'the stage to be told of as running');
  });

  it('another in_topic: what waits on the former one is still processed, what comes there later is not', async () => {
    const scenario = record(
      'moved',
      { ingestion: { in: 'old_in', out: 'moved_out', function: 'echo' } },
      { paused: true },
    );
    await box.put(record('other', { ingestion: { in: 'old_in', out: 'other_out', function: 'echo' } }));
    await box.put(scenario);
    await box.send('old_in.cam', 'before');
    const moved = record(
      'moved',
      { ingestion: { in: 'new_in', out: 'moved_out', function: 'echo' } },
      { rev: '2-b', paused: true },
    );
    await box.put(moved);
    await box.send('old_in', 'after');
    await box.send('new_in', 'new');
    await box.put({ ...moved, rev: '3-c', paused: false });
    assert.deepEqual((await box.receive('moved_out', 2)).map(jsonOf), ['before', 'new']);
    await box.idle('moved');
    assert.equal((await box.all('moved_out')).length, 2);
    assert.equal((await box.all('moved_out'))[0]?.attributes.source, 'cam');
  });

  it('a stage that is left out is removed, and a removed scenario leaves neither consumer nor topic', async () => {
    const both = {
      ingestion: { in: 'gone_in', out: 'gone_mid', function: 'echo' },
      inference: { in: 'gone_mid', out: 'gone_out', function: 'echo' },
    };
    await box.put(record('gone', both));
    await box.send('gone_in', 1);
    await box.receive('gone_out', 1);
    await box.put(record('gone', { ingestion: both.ingestion }, { rev: '2-b' }));
    const manager = await jetstreamManager(box.connection);
    const consumers = async () => {
      const names: string[] = [];
      for await (const { name } of manager.consumers.list(STREAM)) names.push(name);
      return names.filter((name) => name.endsWith('-gone'));
    };
    assert.deepEqual(await consumers(), ['ingestion-gone']);
    box.feed.remove('gone');
    await box.status.waitApplied('gone', undefined, 60_000);
    assert.deepEqual(await consumers(), []);
    await until(
      async () => !(await manager.streams.info(STREAM)).config.subjects.includes('gone_in'),
      'the topic to go',
    );
    await assert.rejects(box.send('gone_in', 2), { code: 'not_found' });
    assert.deepEqual(
      (await box.status.stages()).filter(({ scenario }) => scenario === 'gone'),
      [],
    );
  });

  it('a scenario that was removed while no connector ran is tidied up by the next', async () => {
    await box.put(record('orphan', { ingestion: { in: 'orphan_in', out: 'orphan_out', function: 'echo' } }));
    await box.stopConnector();
    box.feed.remove('orphan');
    await box.startConnector();
    const manager = await jetstreamManager(box.connection);
    await until(
      async () => !(await manager.streams.info(STREAM)).config.subjects.includes('orphan_in'),
      'the topic to go',
    );
    await until(
      async () => (await box.status.stages()).every(({ scenario }) => scenario !== 'orphan'),
      'its status to go',
    );
  });

  it('what a stage did up to the end of the connector is counted, and the next one goes on from there', async () => {
    await box.put(record('counted', { ingestion: { in: 'counted_in', out: 'counted_out', function: 'echo' } }));
    const counted = async () => (await box.status.stages()).find(({ scenario }) => scenario === 'counted')?.processed;
    for (const total of [20, 40]) {
      for (let n = 0; n < 20; n++) await box.send('counted_in', n);
      await box.idle('counted');
      await box.stopConnector();
      assert.equal(await counted(), total);
      await box.startConnector();
    }
  });

  it('messages from before the scenario was put are not its own', async () => {
    await box.put(record('early', { ingestion: { in: 'early_in', out: 'early_out', function: 'echo' } }));
    await box.send('early_in', 'early');
    await box.idle('early');
    const [early] = await box.all('early_in');
    const createdMs = (early?.time.getTime() ?? 0) + 1;
    await until(() => Date.now() > createdMs, 'a later millisecond');
    const createdAt = new Date(createdMs).toISOString();
    await box.put(record('late', { ingestion: { in: 'early_in', out: 'late_out', function: 'echo' } }, { createdAt }));
    await box.send('early_in', 'late');
    assert.deepEqual((await box.receive('late_out', 1)).map(jsonOf), ['late']);
  });

  it('a scenario whose topic is the system’s own is refused with the reason, and others go on', async () => {
    box.feed.put(record('bad', { ingestion: { in: 'thebox.dead.x', out: 'bad_out' } }));
    await assert.rejects(box.status.waitApplied('bad', '1-a', 60_000), {
      code: 'unprocessable',
      message: /thebox\.dead\.x/,
    });
  });

  it('a timer that a function asks for comes at its time, and a later one with the same key takes its place', async () => {
    const timers: unknown[] = [];
    box.gateway.functions.set('timer', (call) => {
      const events = eventsOf(call);
      const due = events.filter(({ type }) => type === 'thebox.timer');
      timers.push(...due.map(({ data }) => data));
      const wake = events.filter(({ type }) => type !== 'thebox.timer').flatMap(({ data }) => data as never);
      return results(
        events.map(({ id, type, data }) => ({ id, events: type === 'thebox.timer' ? [{ data } as never] : [] })),
        wake,
      );
    });
    await box.put(record('timer', { notification: { in: 'timer_in', out: 'timer_out', function: 'timer' } }));
    const far = new Date(Date.now() + 600_000).toISOString();
    const soon = new Date(Date.now() + 1000).toISOString();
    await box.send('timer_in', [
      { key: 'a', at: far },
      { key: 'b b.c', at: far },
    ]);
    await box.send('timer_in', [{ key: 'a', at: soon }]);
    const [message] = await box.receive('timer_out', 1);
    assert.deepEqual(jsonOf(message), { key: 'a', at: soon });
    assert.ok(Date.now() >= Date.parse(soon));
    assert.deepEqual(timers, [{ key: 'a', at: soon }]);
  });

  it('a dead letter that is replayed goes to its stage alone, with its attributes, and is taken from the list', async () => {
    let broken = true;
    box.gateway.functions.set(
      'mend',
      answering(({ id, source, data }) =>
        broken
          ? { error: { code: 'unprocessable', message: 'broken', retry: false } }
          : [{ data: { id, source, data } }],
      ),
    );
    await box.put(record('mend', { ingestion: { in: 'mend_in', out: 'mend_out', function: 'mend' } }));
    await box.put(record('bystander', { ingestion: { in: 'mend_in', out: 'bystander_out', function: 'echo' } }));
    for (let i = 0; i < 3; i++) await box.send('mend_in.cam', i);
    await until(
      async () => (await box.deadLetters.list({ scenario: 'mend' }, { limit: 1 })).total === 3,
      'three dead letters',
    );
    const { letters } = await box.deadLetters.list({ scenario: 'mend', stage: 'ingestion' }, { limit: 2 });
    assert.equal(letters.length, 2);
    broken = false;
    await box.deadLetters.replay(letters[0]?.seq ?? 0);
    await box.deadLetters.remove(letters[1]?.seq ?? 0);
    assert.equal(await box.deadLetters.replayAll({ scenario: 'mend' }), 1);
    const outputs = (await box.receive('mend_out', 2)).map(jsonOf) as { id: string; source: string; data: number }[];
    assert.deepEqual(
      outputs.map(({ source, data }) => [source, data]),
      [
        ['cam', 0],
        ['cam', 2],
      ],
    );
    assert.equal(outputs[0]?.id, String(letters[0]?.inputSeq));
    assert.equal((await box.deadLetters.list({}, { limit: 1 })).total, 0);
    await box.idle('bystander');
    assert.equal((await box.all('bystander_out')).length, 3);
    await assert.rejects(box.deadLetters.show(letters[0]?.seq ?? 0), { code: 'not_found' });
  });
});
