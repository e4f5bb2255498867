import assert from 'node:assert/strict';
import { type Seen, Tally } from '../../../local/demo/tally.ts';

describe('Tally', () => {
  it('counts what was sent, notified, lost and repeated, and how much of it was right', () => {
    const seen: Seen[] = [];
    const tally = new Tally((one) => seen.push(one));
    for (let i = 0; i < 4; i += 1) tally.sent(`id ${i}`, String(i), 100 * i);
    tally.notified('id 0', { label: '0', probability: 0.9, at: 7 });
    tally.notified('id 1', { label: '7', probability: 0.6, at: 120 });
    tally.notified('id 1', { label: '7', probability: 0.6, at: 130 });
    tally.notified('id 2', { label: '2', probability: 1, at: 209 });
    tally.notified('of somebody else', { label: '1', probability: 1, at: 300 });
    assert.deepEqual(tally.summary(), {
      sent: 4,
      notified: 3,
      lost: 1,
      repeated: 1,
      accuracy: 2 / 3,
      p50Ms: 9,
      p99Ms: 20,
    });
    assert.deepEqual(seen[1], { label: '7', expected: '1', probability: 0.6, latencyMs: 20 });
  });

  it('is all zero before anything was sent', () => {
    const zero = { sent: 0, notified: 0, lost: 0, repeated: 0, accuracy: 0, p50Ms: 0, p99Ms: 0 };
    assert.deepEqual(new Tally(() => undefined).summary(), zero);
  });
});
