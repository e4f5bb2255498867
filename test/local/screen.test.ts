import assert from 'node:assert/strict';
import { seenLine, summaryLines } from '../../local/screen.ts';

describe('seenLine', () => {
  it('says what was seen, how sure and how fast', () => {
    const seen = { label: '7', expected: '7', probability: 0.981, latencyMs: 6.4 };
    assert.equal(seenLine(seen), 'a 7, p=0.98, 6 ms');
  });

  it('says what it was when it was read wrongly', () => {
    const seen = { label: '8', expected: '3', probability: 0.5, latencyMs: 10 };
    assert.equal(seenLine(seen), 'an 8, p=0.50, 10 ms (it was a 3)');
  });
});

describe('summaryLines', () => {
  it('names sent, notified, lost, accuracy and latency', () => {
    const summary = { sent: 300, notified: 300, lost: 0, repeated: 0, accuracy: 0.9866, p50Ms: 5.25, p99Ms: 14 };
    assert.equal(
      summaryLines(summary),
      'sent      300\nnotified  300\nlost      0\naccuracy  98.7 %\nlatency   p50 5.3 ms, p99 14.0 ms',
    );
  });
});
