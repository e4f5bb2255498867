import { createHash } from 'node:crypto';

/** Numbers that follow from a seed alone, the same on every machine. */
export interface Random {
  /** From 0 to below 1, in steps of 2^-32. */
  next(): number;
  /** A whole number from 0 to below `bound` (at most 2^32), each as likely as the others. */
  below(bound: number): number;
}

/** 128 bits out of any text. */
export type Seed = readonly [number, number, number, number];

/** The seed that a text stands for: the first 128 bits of its SHA-256. */
export function seedOf(text: string): Seed {
  const digest = createHash('sha256').update(text).digest();
  return [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as unknown as Seed;
}

/** The seed of one position of a sequence. Cheap: a batch asks once a sample. */
export function seedAt(seed: Seed, position: number): Seed {
  const [low, high] = [position >>> 0, Math.floor(position / 2 ** 32) >>> 0];
  const a = mix(seed[0] ^ low);
  const b = mix(seed[1] ^ high ^ a);
  const c = mix(seed[2] ^ b ^ Math.imul(low, 0x9e3779b1));
  return [a, b, c, mix(seed[3] ^ c) | 1];
}

/** Murmur3's finalizer: every bit of the input sways every bit of the output. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A xoshiro128** generator (Blackman and Vigna). */
export function openRandom(seed: Seed): Random {
  let [a, b, c, d] = seed as [number, number, number, number];
  if ((a | b | c | d) === 0) d = 1;
  function word(): number {
    const scaled = Math.imul(b, 5);
    const result = Math.imul((scaled << 7) | (scaled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  }
  return {
    next: () => word() / 2 ** 32,
    below(bound) {
      // What lies above the largest multiple of the bound would favour the low numbers.
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const value = word();
        if (value < limit) return value % bound;
      }
    },
  };
}
