import assert from 'node:assert/strict';
import { segmentsToMerge } from '../../../../functions/sensory/catalogue/compact.ts';
import type { SegmentEntry } from '../../../../functions/sensory/catalogue/manifest.ts';

const entry = (added: number, removed = 0): SegmentEntry => ({ file: 'one.seg', added, removed });

describe('segmentsToMerge', () => {
  it('keeps segments few, and writes what comes one by one a bounded number of times', () => {
    const COUNT = 20_000;
    let segments: SegmentEntry[] = [];
    let written = 0;
    let most = 0;
    for (let n = 0; n < COUNT; n++) {
      const from = segmentsToMerge(segments);
      if (from !== undefined) {
        const size = segments.slice(from).reduce((sum, { added }) => sum + added, 0);
        segments = [...segments.slice(0, from), entry(size)];
        written += size;
      }
      segments.push(entry(1));
      most = Math.max(most, segments.length);
    }
    assert.equal(
      segments.reduce((sum, { added }) => sum + added, 0),
      COUNT,
    );
    assert.ok(most <= 24, `${most} segments at once`);
    assert.ok(written / COUNT < Math.log(COUNT) / Math.log(1.5), `each written ${written / COUNT} times`);
  });

  it('leaves large ones alone until as much has come after them', () => {
    const small = Array.from({ length: 23 }, () => entry(10));
    assert.equal(segmentsToMerge([entry(100_000), ...small]), 1);
    assert.equal(segmentsToMerge([entry(400), ...small]), 0);
    assert.equal(segmentsToMerge([entry(100_000), ...small.slice(1)]), undefined);
  });

  it('merges all when much of it is removed, and equal large ones', () => {
    assert.equal(segmentsToMerge([entry(100), ...Array.from({ length: 23 }, () => entry(0, 2))]), 0);
    assert.equal(segmentsToMerge(Array.from({ length: 60 }, () => entry(16_384))), 0);
  });
});
