import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { freePort } from '../../local/server/free-port.ts';
import { described } from '../functions/ingestion/feature-maker.ts';
import { callBoxFunction, killBoxFunction, startBoxFunction } from './box-function.ts';
import { type Fixture, jsonOf, openFixture, PATIENT, record } from './fixture.ts';
import { freeUrl, keepUpFunction } from './kept-up-function.ts';

const MIB = 1024 * 1024;
const LIMITS = {
  ...PATIENT,
  streams: { maxBytes: 256 * MIB, maxDeadBytes: MIB, duplicateWindowMs: 60_000 },
  // All that is made is looked at in the end.
  history: { ageMs: 3_600_000, bytes: 256 * MIB },
};

describe('connector: answers that are much larger than their calls', () => {
  it('a large body of very short lines: ingestion with little memory is asked for so much at a time that it lives', async () => {
    const box: Fixture = await openFixture({ ...LIMITS, maxBatchEvents: 256 });
    const port = await freePort();
    let child: ChildProcess | undefined;
    try {
      const scenario = described('short', [{ feature_name: 'n', feature_type: 'numerictype' }]);
      box.gateway.functions.set('orchestrator', () => ({ status: 200, body: JSON.stringify(scenario) }));
      box.gateway.functions.set('ingestion', (call) => callBoxFunction(port, call));
      child = await startBoxFunction('ingestion', port, box, ['--max-old-space-size=64']);
      await box.put({ ...scenario, paused: true });
      const [parts, lines] = [20, 2000];
      const body = Buffer.from('1\n'.repeat(lines));
      for (let n = 0; n < parts; n++) {
        await box.publisher.publish('short-in', { attributes: { datacontenttype: 'application/x-ndjson' }, body });
      }
      await box.put({ ...scenario, rev: '2-b' });
      await box.receive('short-out', parts * lines);
      await box.idle('short');
      assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
      const answered = box.gateway.calls.filter(({ name }) => name === 'ingestion').length;
      assert.ok(answered < parts, `fewer calls than parts, got ${answered}`);
    } finally {
      if (child !== undefined) await killBoxFunction(child);
      await box.close();
    }
  });

  it('a function whose answers grow beyond its memory all at once: nothing is given up, and it does not happen again', async () => {
    const { port, url } = await freeUrl();
    const box = await openFixture({ ...LIMITS, maxBatchEvents: 64 }, url);
    const grown = keepUpFunction(port, 20);
    const sendAll = (value: unknown) => Promise.all(Array.from({ length: 64 }, () => box.send('grown_in', value)));
    try {
      await box.put(record('grown', { ingestion: { in: 'grown_in', out: 'grown_out', function: 'any' } }));
      await sendAll('x'.repeat(10));
      await box.receive('grown_out', 64);
      // While it is held, all that comes next gathers: one call has all of it.
      await box.send('grown_in', 'hold');
      await fetch(`${url}/held`);
      const prefetched = await box.followPrefetch('grown', 'ingestion', 64);
      await sendAll({ large: 500_000 });
      await prefetched();
      await fetch(`${url}/release`);
      await box.receive('grown_out', 129);
      const starts = grown.starts;
      assert.ok(starts > 1 && starts < 12, `${starts} processes`);
      await sendAll({ large: 500_000 });
      await box.receive('grown_out', 193);
      await box.idle('grown');
      assert.equal(grown.starts, starts);
      const sizes = (await box.all('grown_out')).map((message) => String(jsonOf(message)).length);
      assert.deepEqual(sizes, [...Array(64).fill(10), 'hold'.length, ...Array(128).fill(500_000)]);
      assert.equal((await box.deadLetters.list({}, { limit: 1 })).total, 0);
    } finally {
      await grown.stop();
      await box.close();
    }
  });
});
