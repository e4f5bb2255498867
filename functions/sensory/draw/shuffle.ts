import { openRandom, type Seed } from './random.ts';

/**
 * The first `count` of the numbers 0 to `n - 1` in an order that follows from the seed, every order as likely as the
 * others (Fisher and Yates). A longer count goes on where a shorter one ends.
 */
export function shuffled(n: number, count: number, seed: Seed): Uint32Array {
  return count * 4 < n ? sparse(n, count, seed) : dense(n, count, seed);
}

function dense(n: number, count: number, seed: Seed): Uint32Array {
  const random = openRandom(seed);
  const numbers = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + random.below(n - i);
    const picked = numbers[j] as number;
    numbers[j] = numbers[i] as number;
    numbers[i] = picked;
  }
  return numbers.subarray(0, count);
}

/** The same order, remembering only the places that changed: a draw of 256 out of millions touches 512. */
function sparse(n: number, count: number, seed: Seed): Uint32Array {
  const random = openRandom(seed);
  const moved = new Map<number, number>();
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const j = i + random.below(n - i);
    out[i] = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
  }
  return out;
}
