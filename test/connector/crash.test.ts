import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { openCouchdbScenarioStore } from '#lib/scenario/couchdb-scenario-store.ts';
import { guarded } from '../support/guarded.ts';
import { sharedCouchdb, temporaryFolder, uniqueName } from '../support/servers.ts';
import { echo, eventsOf, type Fixture, jsonOf, LIMITS, openFixture, record, results, until } from './fixture.ts';
import { freeUrl, keepUpFunction, startFunction } from './kept-up-function.ts';

/** Sends `total` numbers, some at a time. */
async function sendNumbers(box: Fixture, topic: string, total: number): Promise<void> {
  for (let n = 0; n < total; n += 10) {
    await Promise.all(Array.from({ length: 10 }, (_, i) => box.send(topic, n + i)));
  }
}

const numbers = (total: number) => Array.from({ length: total }, (_, i) => i);
const inOrder = (values: unknown[]) => (values as number[]).toSorted((a, b) => a - b);

describe('connector: crashes', () => {
  it('a function killed ten times in the middle of a stream: every signal has one output', async () => {
    const { port, url } = await freeUrl();
    const start = () => startFunction(port);
    const box = await openFixture({ maxBatchEvents: 8 }, url);
    let child = await start();
    try {
      await box.put(record('killed', { ingestion: { in: 'killed_in', out: 'killed_out', function: 'any' } }));
      const total = 1000;
      const sending = sendNumbers(box, 'killed_in', total);
      for (let kills = 1; kills <= 10; kills++) {
        await until(async () => (await box.all('killed_out')).length >= kills * 50, `${kills * 50} outputs`);
        child.kill('SIGKILL');
        await once(child, 'exit');
        child = await start();
      }
      await sending;
      await box.receive('killed_out', total);
      await box.idle('killed');
      assert.deepEqual((await box.all('killed_out')).map(jsonOf), inOrder(numbers(total)));
      assert.equal((await box.deadLetters.list({}, { limit: 1 })).total, 0);
    } finally {
      child.kill('SIGKILL');
      await box.close();
    }
  });

  it('a function that an event ends each time: that event is given up, the others have their outputs', async () => {
    const { port, url } = await freeUrl();
    const box = await openFixture({ maxBatchEvents: 8 }, url);
    const poisoned = keepUpFunction(port);
    try {
      await box.put(record('poisoned', { ingestion: { in: 'poisoned_in', out: 'poisoned_out', function: 'any' } }));
      for (let n = 0; n < 10; n++) await box.send('poisoned_in', n === 5 ? 'poison' : n);
      await box.receive('poisoned_out', 9);
      await box.idle('poisoned');
      assert.deepEqual((await box.all('poisoned_out')).map(jsonOf), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
      const { total, letters } = await box.deadLetters.list({}, { limit: 2 });
      assert.equal(total, 1);
      assert.equal(letters[0]?.code, 'internal');
      assert.match(
        String(letters[0]?.reason),
        /function any ended while it had this event \(given up after 10 times\)/,
      );
    } finally {
      await poisoned.stop();
      await box.close();
    }
  });

  it('a connector killed three times: every signal has one output, in order', async () => {
    const couchdb = await sharedCouchdb();
    const box = await openFixture();
    const databaseName = uniqueName('scenarios');
    const address = new URL(couchdb.url);
    const login = { user: decodeURIComponent(address.username), password: decodeURIComponent(address.password) };
    address.username = '';
    address.password = '';
    const couch = { url: address.href.replace(/\/$/, ''), database: databaseName, ...login };
    const store = openCouchdbScenarioStore(openCouchDatabase(couch));
    await box.stopConnector();
    await writeFile(`${box.secretsDir}/couchdb-password`, login.password);
    const env = {
      ...process.env,
      NATS_URL: box.natsUrl,
      GATEWAY_URL: box.gateway.url,
      COUCHDB_URL: couch.url,
      COUCHDB_USER: login.user,
      COUCHDB_DATABASE: databaseName,
      SECRETS_DIR: box.secretsDir,
      HTTP_PORT: '0',
      MAX_BATCH_EVENTS: '16',
      STREAM_MAX_BYTES: String(64 * 1024 * 1024),
      DEAD_MAX_BYTES: String(8 * 1024 * 1024),
      SHUTDOWN_SECONDS: '60',
    };
    const start = (): ChildProcess => {
      const stdout = process.env.TEST_LOG_LEVEL ? 'inherit' : 'ignore';
      const program = fileURLToPath(new URL('../../connector/main.ts', import.meta.url));
      return guarded(spawn(process.execPath, [program], { stdio: ['ignore', stdout, 'inherit'], detached: true, env }));
    };
    box.gateway.functions.set('slow', async (call) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return echo(call);
    });
    let child = start();
    try {
      const scenario = record('restart', {
        ingestion: { in: 'restart_in', out: 'restart_mid', function: 'slow' },
        inference: { in: 'restart_mid', out: 'restart_out', function: 'slow' },
      });
      await store.put(scenario, undefined);
      await box.status.waitApplied('restart', scenario.rev, 100_000);
      const total = 800;
      const sending = sendNumbers(box, 'restart_in', total);
      for (let kills = 1; kills <= 3; kills++) {
        await until(async () => (await box.all('restart_out')).length >= kills * 100, `${kills * 100} outputs`);
        child.kill('SIGKILL');
        await once(child, 'exit');
        child = start();
      }
      await sending;
      const sent = (await box.all('restart_in')).map(jsonOf);
      await box.receive('restart_out', total);
      await box.idle('restart');
      assert.deepEqual((await box.all('restart_out')).map(jsonOf), sent);
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      assert.equal(code, 0);
    } finally {
      child.kill('SIGKILL');
      await store.close();
      await box.close();
    }
  });

  it('outputs that were published and not acknowledged are not published again, long after the bus forgot their ids', async () => {
    const box = await openFixture({ streams: { ...LIMITS.streams, duplicateWindowMs: 100 } });
    try {
      box.gateway.functions.set('echo', echo);
      const scenario = record(
        'once',
        { ingestion: { in: 'once_in', out: 'once_out', function: 'echo' } },
        { paused: true },
      );
      await box.put(scenario);
      const receipts = await Promise.all(numbers(5).map((n) => box.send('once_in', n)));
      // As a connector leaves it that is killed between publishing and acknowledging.
      for (const n of [0, 1]) {
        await box.publisher.publish('once_out', {
          attributes: { id: `early-${n}` },
          body: Buffer.from(String(n)),
          messageId: `once.ingestion.${receipts[n]?.seq}.0`,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      await box.put({ ...scenario, paused: false, rev: '2-b' });
      await box.receive('once_out', 5);
      await box.idle('once');
      const outputs = await box.all('once_out');
      assert.deepEqual(outputs.map(jsonOf), numbers(5));
      assert.equal(outputs[1]?.attributes.id, 'early-1');
    } finally {
      await box.close();
    }
  });

  it('NATS killed and started again three times under load: every signal that it took has one output', async () => {
    const box = await openFixture();
    try {
      box.gateway.functions.set('echo', echo);
      await box.put(
        record('nats', {
          ingestion: { in: 'nats_in', out: 'nats_mid', function: 'echo' },
          inference: { in: 'nats_mid', out: 'nats_out', function: 'echo' },
        }),
      );
      let isSending = true;
      const send = async () => {
        for (let n = 0; isSending; n++) await box.send('nats_in', n).catch(() => undefined);
      };
      const sending = send();
      for (let restarts = 1; restarts <= 3; restarts++) {
        await until(async () => (await box.all('nats_out').catch(() => [])).length >= restarts * 200, 'outputs');
        await box.restartNats();
      }
      isSending = false;
      await sending;
      const sent = (await box.all('nats_in')).map(jsonOf);
      await box.receive('nats_out', sent.length);
      await box.idle('nats');
      assert.deepEqual((await box.all('nats_out')).map(jsonOf), sent);
    } finally {
      await box.close();
    }
  });

  it('a bus that comes back without its data is set up again', async () => {
    const box = await openFixture();
    try {
      box.gateway.functions.set('echo', echo);
      await box.put(record('wiped', { ingestion: { in: 'wiped_in', out: 'wiped_out', function: 'echo' } }));
      await box.send('wiped_in', 1);
      await box.receive('wiped_out', 1);
      await box.restartNats(await temporaryFolder('empty'));
      await until(
        () =>
          box.send('wiped_in', 2).then(
            () => true,
            () => false,
          ),
        'the topic to be back',
      );
      assert.equal(jsonOf((await box.receive('wiped_out', 1))[0]), 2);
      await until(async () => (await box.status.stages()).length === 1, 'the status to be back');
    } finally {
      await box.close();
    }
  });

  it('a timer survives a restart of NATS and of the connector', async () => {
    const box = await openFixture();
    try {
      const at = new Date(Date.now() + 2000).toISOString();
      box.gateway.functions.set('timer', (call) => {
        const events = eventsOf(call);
        const isDue = (type: string) => type === 'thebox.timer';
        const wake = events.some(({ type }) => !isDue(type)) ? [{ key: 'k', at }] : [];
        return results(
          events.map(({ id, type, data }) => ({ id, events: isDue(type) ? [{ data } as CloudEvent] : [] })),
          wake,
        );
      });
      await box.put(record('timed', { notification: { in: 'timed_in', out: 'timed_out', function: 'timer' } }));
      await box.send('timed_in', 1);
      await box.idle('timed');
      await box.stopConnector();
      await box.restartNats();
      await box.startConnector();
      await until(
        () =>
          box.status.stages().then(
            () => true,
            () => false,
          ),
        'the connection of the test itself',
      );
      assert.deepEqual((await box.receive('timed_out', 1)).map(jsonOf), [{ key: 'k', at }]);
    } finally {
      await box.close();
    }
  });
});
