import type { NumberStore } from './dtype.ts';

const BLOCK = 128;

/**
 * numpy's pairwise sum of neighbouring elements: eight running sums per block, blocks added in a tree. It is both more
 * exact than adding one after another and, with eight sums that do not wait for each other, faster.
 */
export function pairwiseSum(data: NumberStore, start: number, count: number): number {
  if (count < 8) {
    let sum = -0;
    for (let i = start; i < start + count; i++) sum += data[i] as number;
    return sum;
  }
  if (count > BLOCK) {
    const half = halfOf(count);
    return pairwiseSum(data, start, half) + pairwiseSum(data, start + half, count - half);
  }
  let [r0, r1, r2, r3] = [
    data[start] as number,
    data[start + 1] as number,
    data[start + 2] as number,
    data[start + 3] as number,
  ];
  let [r4, r5, r6, r7] = [
    data[start + 4] as number,
    data[start + 5] as number,
    data[start + 6] as number,
    data[start + 7] as number,
  ];
  const end = start + count;
  let i = start + 8;
  for (; i + 8 <= end; i += 8) {
    r0 += data[i] as number;
    r1 += data[i + 1] as number;
    r2 += data[i + 2] as number;
    r3 += data[i + 3] as number;
    r4 += data[i + 4] as number;
    r5 += data[i + 5] as number;
    r6 += data[i + 6] as number;
    r7 += data[i + 7] as number;
  }
  let sum = r0 + r1 + (r2 + r3) + (r4 + r5 + (r6 + r7));
  for (; i < end; i++) sum += data[i] as number;
  return sum;
}

/** The same in float32: every sum is rounded, as numpy's are. */
export function pairwiseSum32(data: NumberStore, start: number, count: number): number {
  const f = Math.fround;
  if (count < 8) {
    let sum = -0;
    for (let i = start; i < start + count; i++) sum = f(sum + f(data[i] as number));
    return sum;
  }
  if (count > BLOCK) {
    const half = halfOf(count);
    return f(pairwiseSum32(data, start, half) + pairwiseSum32(data, start + half, count - half));
  }
  let [r0, r1, r2, r3] = [
    f(data[start] as number),
    f(data[start + 1] as number),
    f(data[start + 2] as number),
    f(data[start + 3] as number),
  ];
  let [r4, r5, r6, r7] = [
    f(data[start + 4] as number),
    f(data[start + 5] as number),
    f(data[start + 6] as number),
    f(data[start + 7] as number),
  ];
  const end = start + count;
  let i = start + 8;
  for (; i + 8 <= end; i += 8) {
    r0 = f(r0 + f(data[i] as number));
    r1 = f(r1 + f(data[i + 1] as number));
    r2 = f(r2 + f(data[i + 2] as number));
    r3 = f(r3 + f(data[i + 3] as number));
    r4 = f(r4 + f(data[i + 4] as number));
    r5 = f(r5 + f(data[i + 5] as number));
    r6 = f(r6 + f(data[i + 6] as number));
    r7 = f(r7 + f(data[i + 7] as number));
  }
  let sum = f(f(f(r0 + r1) + f(r2 + r3)) + f(f(r4 + r5) + f(r6 + r7)));
  for (; i < end; i++) sum = f(sum + f(data[i] as number));
  return sum;
}

function halfOf(count: number): number {
  const half = Math.floor(count / 2);
  return half - (half % 8);
}
