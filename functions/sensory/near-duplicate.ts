import { decodeImage } from '#lib/image/decode-image.ts';
import { toGrey } from '#lib/image/image.ts';
import { resize } from '#lib/image/resize.ts';
import { derived } from './catalogue/derive.ts';
import type { Sample } from './catalogue/sample.ts';
import type { Snapshot } from './catalogue/snapshot.ts';

/** Pictures whose hashes differ in at most this many of 64 bits look alike. */
const NEAR_BITS = 4;
const MAX_FOUND = 5;

/** A difference hash: whether each pixel of the picture at 9x8 is darker than its right neighbour, 64 bits in hex. */
export async function differenceHash(bytes: Uint8Array, maxPixels: number): Promise<string> {
  const { data } = resize(toGrey(await decodeImage(bytes, { maxPixels })), 9, 8, 'area');
  let hex = '';
  for (let y = 0; y < 8; y++) {
    let byte = 0;
    for (let x = 0; x < 8; x++) {
      const at = y * 9 + x;
      byte = (byte << 1) | ((data[at] as number) < (data[at + 1] as number) ? 1 : 0);
    }
    hex += byte.toString(16).padStart(2, '0');
  }
  return hex;
}

/** The hashes that there are, as numbers: reading them from their hex takes longer than all else of comparing. */
const hashes = derived(
  () => ({ positions: [] as number[], highs: [] as number[], lows: [] as number[] }),
  ({ positions, highs, lows }, { facts }, position) => {
    if (facts?.dhash?.length !== 16) return;
    const [high, low] = words(facts.dhash);
    positions.push(position);
    highs.push(high);
    lows.push(low);
  },
);

/** Samples that look like the hash's picture, the first few. */
export function findNear(snapshot: Snapshot, hash: string): Sample[] {
  const [high, low] = words(hash);
  const { positions, highs, lows } = hashes(snapshot);
  const found: Sample[] = [];
  for (let i = 0; i < positions.length && found.length < MAX_FOUND; i++) {
    if (bits(high ^ (highs[i] as number)) + bits(low ^ (lows[i] as number)) > NEAR_BITS) continue;
    const sample = snapshot.samples[positions[i] as number];
    if (sample) found.push(sample);
  }
  return found;
}

function words(hex: string): [number, number] {
  return [Number.parseInt(hex.slice(0, 8), 16) | 0, Number.parseInt(hex.slice(8), 16) | 0];
}

function bits(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}
