import assert from 'node:assert/strict';
import { jetstreamManager } from '@nats-io/jetstream';
import { trimStream } from '#lib/bus/jetstream-trim.ts';
import { STREAM } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { answering, echo, type Fixture, LIMITS, openFixture, record, until } from './fixture.ts';

const MIB = 1024 * 1024;

describe('connector: what the bus holds', () => {
  let box: Fixture;

  beforeEach(async () => {
    box = await openFixture({
      streams: { ...LIMITS.streams, maxBytes: 4 * MIB },
      history: { ageMs: 3_600_000, bytes: 2 * MIB },
    });
    box.gateway.functions.set('echo', echo).set(
      'length',
      answering(({ data }) => [{ data: String(data).length }]),
    );
  });

  afterEach(() => box.close());

  it('trimming drops what is processed and beyond the history, never what a paused scenario still wants', async () => {
    await box.put(record('live', { ingestion: { in: 'a', out: 'live_out', function: 'length' } }));
    await box.put(record('rest', { ingestion: { in: 'b', out: 'rest_out', function: 'length' } }, { paused: true }));
    for (let i = 0; i < 10; i++) {
      await box.send('b', i);
      await box.send('a', 'x'.repeat(1000));
    }
    await box.idle('live');
    const manager = await jetstreamManager(box.connection);
    assert.equal(await trimStream(manager, { ageMs: 3_600_000, bytes: 2 * MIB }), 0);
    const trimAll = async () => {
      await trimStream(manager, { ageMs: 0, bytes: 2 * MIB });
      return (await box.all('a')).length === 0;
    };
    await until(trimAll, 'what is processed to be old enough');
    assert.equal((await box.all('b')).length, 10);
    await box.put(record('rest', { ingestion: { in: 'b', out: 'rest_out', function: 'length' } }, { rev: '2-b' }));
    await box.receive('rest_out', 10);
    await box.idle('rest');
    await until(
      async () => (await trimAll()) && (await manager.streams.info(STREAM)).state.messages === 0,
      'the rest to go',
    );
  });

  it('trimming by size keeps the newest', async () => {
    await box.put(record('live', { ingestion: { in: 'a', out: 'live_out', function: 'length' } }));
    for (let i = 0; i < 50; i++) await box.send('a', 'x'.repeat(10_000));
    await box.idle('live');
    const manager = await jetstreamManager(box.connection);
    const newest = (await manager.streams.info(STREAM)).state.last_seq;
    const bytes = async () => {
      await trimStream(manager, { ageMs: 3_600_000, bytes: 200_000 });
      return (await manager.streams.info(STREAM)).state.bytes;
    };
    await until(async () => (await bytes()) <= 200_000, 'less than the limit');
    assert.ok((await bytes()) > 100_000);
    assert.equal((await manager.streams.getMessage(STREAM, { seq: newest }))?.seq, newest);
  });

  it('a full stream tells the publisher, and what is in it is processed nevertheless', async () => {
    const scenario = record(
      'full',
      { ingestion: { in: 'full_in', out: 'full_out', function: 'echo' } },
      { paused: true },
    );
    await box.put(scenario);
    let sent = 0;
    await assert.rejects(
      async () => {
        for (;;) {
          await box.send('full_in', 'x'.repeat(50_000));
          sent++;
        }
      },
      (error: unknown) => error instanceof BoxError && error.code === 'storage_full',
    );
    await box.put({ ...scenario, paused: false, rev: '2-b' });
    await until(async () => {
      const stage = (await box.status.stages()).find((each) => each.scenario === 'full');
      return stage?.processed === sent;
    }, 'every message to be processed');
    await until(
      () =>
        box.send('full_in', 'again').then(
          () => true,
          () => false,
        ),
      'room for more',
    );
  });
});
