import assert from 'node:assert/strict';
import type { Sample } from '../../../../functions/sensory/catalogue/sample.ts';
import {
  decodeSegment,
  encodeSegment,
  mergeSegments,
  type Segment,
} from '../../../../functions/sensory/catalogue/segment.ts';

function sample(path: string, more: Partial<Sample> = {}): Sample {
  const category = path.slice(0, path.indexOf('/'));
  return { path, category, size: 7, etag: 'e', modifiedMs: 1_700_000_000_123, id: '', ...more };
}

describe('encodeSegment', () => {
  const segments: Record<string, Segment> = {
    'nothing at all': { removed: [], added: [] },
    'one sample': { removed: [], added: [sample('a/1.png')] },
    'removals alone': { removed: ['a/1.png', 'ä b/2.png'], added: [] },
    'names of any characters, facts and a size beyond 4 GiB': {
      removed: ['x/y'],
      added: [
        sample('Ähre/ü "quoted" \\ .png', { id: 'f'.repeat(64), facts: { source: 'Süd\n7', group: 'g' } }),
        sample('b/2', { size: 5e9, etag: '' }),
      ],
    },
  };
  for (const [name, segment] of Object.entries(segments)) {
    it(`keeps ${name}`, async () => {
      assert.deepEqual(await decodeSegment(await encodeSegment(segment)), segment);
    });
  }

  it('takes less than 60 bytes a sample of a large dataset', async () => {
    const added = Array.from({ length: 20_000 }, (_, i) =>
      sample(`${i % 10}/mnist_train_${i}.png`, { etag: `${i}`.padStart(32, '0'), size: 200 + (i % 90) }),
    );
    const bytes = await encodeSegment({ removed: [], added });
    assert.ok(bytes.length < 60 * added.length, `${bytes.length}`);
  });

  it('refuses other bytes', async () => {
    await assert.rejects(decodeSegment(Buffer.from('something else')), { code: 'internal' });
  });
});

describe('mergeSegments', () => {
  it('keeps the order in which samples came, and drops those that went', () => {
    const merged = mergeSegments([
      { removed: ['old/1'], added: [sample('a/1'), sample('a/2'), sample('a/3')] },
      { removed: ['a/2'], added: [sample('b/1')] },
      { removed: ['a/1'], added: [sample('a/1', { etag: 'new' })] },
    ]);
    assert.deepEqual(
      merged.added.map(({ path, etag }) => [path, etag]),
      [
        ['a/3', 'e'],
        ['b/1', 'e'],
        ['a/1', 'new'],
      ],
    );
    assert.deepEqual(merged.removed.toSorted(), ['a/1', 'a/2', 'old/1']);
  });
});
