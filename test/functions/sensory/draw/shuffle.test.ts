import assert from 'node:assert/strict';
import { openRandom, seedAt, seedOf } from '../../../../functions/sensory/draw/random.ts';
import { shuffled } from '../../../../functions/sensory/draw/shuffle.ts';

/** The sum of squared deviations from the expectation, and how far it may go for so many cells: six standard deviations. */
function assertUniform(counts: ArrayLike<number>, total: number): void {
  const expected = total / counts.length;
  const chi = Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = counts.length - 1;
  assert.ok(Math.abs(chi - freedom) < 6 * Math.sqrt(2 * freedom), `chi-square ${chi} at ${freedom} degrees of freedom`);
}

function count(counts: Uint32Array, index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

describe('shuffled', () => {
  for (const [n, count] of [
    [1, 1],
    [10, 10],
    [1000, 7],
    [1000, 900],
  ] as const) {
    it(`gives ${count} of ${n} numbers, each once`, () => {
      const numbers = shuffled(n, count, seedOf('x'));
      assert.equal(numbers.length, count);
      assert.equal(new Set(numbers).size, count);
      assert.ok(numbers.every((value) => value < n));
    });
  }

  it('goes on where a shorter draw of the same seed ends', () => {
    const all = shuffled(1000, 1000, seedOf('x'));
    for (const count of [1, 100, 249, 251]) {
      assert.deepEqual([...shuffled(1000, count, seedOf('x'))], [...all.subarray(0, count)]);
    }
  });

  it('gives another order for another seed', () => {
    assert.notDeepEqual(shuffled(100, 100, seedOf('x')), shuffled(100, 100, seedOf('y')));
  });

  it('draws each of 100 numbers as often, over 100,000 draws of both ways', () => {
    for (const size of [10, 50]) {
      const counts = new Uint32Array(100);
      const draws = 100_000 / size;
      for (let i = 0; i < draws; i++) for (const n of shuffled(100, size, seedOf(`draw ${i}`))) count(counts, n);
      // Within a draw no number comes twice, so the deviations are smaller by that share.
      const share = 1 - size / 100;
      const expected = 1000;
      const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0) / share;
      assert.ok(Math.abs(chi - 99) < 6 * Math.sqrt(2 * 99), `chi-square ${chi}`);
    }
  });

  it('puts each number first as often', () => {
    const counts = new Uint32Array(50);
    for (let i = 0; i < 20_000; i++) count(counts, shuffled(50, 1, seedOf(`first ${i}`))[0] ?? 0);
    assertUniform(counts, 20_000);
  });
});

describe('openRandom', () => {
  it('is uniform from position to position', () => {
    const counts = new Uint32Array(64);
    const seed = seedOf('noise');
    for (let i = 0; i < 100_000; i++) count(counts, Math.floor(openRandom(seedAt(seed, i)).next() * 64));
    assertUniform(counts, 100_000);
  });

  it('tells positions beyond 2^32 apart', () => {
    const seed = seedOf('far');
    assert.notDeepEqual(seedAt(seed, 5), seedAt(seed, 5 + 2 ** 32));
  });

  it('gives the same numbers on every machine', () => {
    const random = openRandom(seedOf('fixed'));
    assert.deepEqual([random.below(1000), random.below(1000), random.below(1000)], FIXED);
  });
});

/** Orders and cursors live longer than a release: these numbers may never change. */
const FIXED = [154, 172, 614];
