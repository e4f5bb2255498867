import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import { type Placed, placed } from '../catalogue/placed.ts';
import type { Sample } from '../catalogue/sample.ts';
import type { Snapshot } from '../catalogue/snapshot.ts';
import { openRandom, type Seed, seedOf } from '../draw/random.ts';
import { shuffled } from '../draw/shuffle.ts';
import type { FeedSpec } from './spec.ts';

/** The samples of a split, and the order in which an epoch has them. */
export interface Epoch {
  /** The samples of the split. */
  readonly split: Placed;
  /** Position → number of a sample in `split`. */
  readonly order: Uint32Array;
  /** What the augmentation of each position is drawn from. */
  readonly seed: Seed;
}

/** Samples that are not packed are mixed in groups of this many. */
const LOOSE_GROUP = 4096;

/** Makes epochs and keeps the last ones: a stream asks for the same one batch after batch. */
export function openEpochs(): (snapshot: Snapshot, folder: string, spec: FeedSpec, epoch: number) => Epoch {
  const splits = new LRUCache<string, Placed>({ max: 8 });
  const epochs = new LRUCache<string, Epoch>({ max: 16 });
  return (snapshot, folder, spec, epoch) => {
    const key = JSON.stringify([folder, snapshot.seq, spec, epoch]);
    const known = epochs.get(key);
    if (known) return known;
    const splitKey = JSON.stringify([folder, snapshot.seq, spec.split, spec.ratios]);
    const split = splits.get(splitKey) ?? placed(snapshot, splitSamples(snapshot.pictures(), spec));
    splits.set(splitKey, split);
    const made = makeEpoch(split, spec, epoch);
    epochs.set(key, made);
    return made;
  };
}

/** The samples of a split: by a hash of the group, or of the file's name, so that relabelling moves nothing. */
function splitSamples(samples: readonly Sample[], { split, ratios }: FeedSpec): readonly Sample[] {
  if (split === 'all') return samples;
  const [train, val] = ratios;
  const [from, to] = { train: [0, train], val: [train, train + val], test: [train + val, 2] }[split] as [
    number,
    number,
  ];
  return samples.filter((sample) => {
    const place = hashFraction(sample.facts?.group ?? sample.path.slice(sample.category.length + 1));
    return place >= from && place < to;
  });
}

/** FNV-1a with Murmur3's finalizer, as a fraction of 1. Stable for ever: splits of old models rest on it. */
function hashFraction(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function makeEpoch(split: Placed, spec: FeedSpec, epoch: number): Epoch {
  const key = `${spec.seed} ${epoch}`;
  const order = spec.balance === false ? mixed(split, spec.mix, key) : balanced(split.samples, spec.balance, key);
  return { split, order, seed: seedOf(`augment ${key}`) };
}

function mixed(split: Placed, mix: number, key: string): Uint32Array {
  const { length } = split.samples;
  if (mix === 0) return shuffled(length, length, seedOf(`order ${key}`));
  const groups = groupByShard(split);
  const groupOrder = shuffled(groups.length, groups.length, seedOf(`groups ${key}`));
  const order = new Uint32Array(length);
  let at = 0;
  for (let first = 0; first < groups.length; first += mix) {
    const block = Array.from(groupOrder.subarray(first, first + mix), (g) => groups[g] as number[]).flat();
    for (const i of shuffled(block.length, block.length, seedOf(`block ${first} ${key}`))) {
      order[at++] = block[i] as number;
    }
  }
  return order;
}

function groupByShard({ shardOf }: Placed): number[][] {
  const groups = new Map<number, number[]>();
  shardOf.forEach((shard, i) => {
    const number = shard === -1 ? -1 - Math.floor(i / LOOSE_GROUP) : shard;
    const group = groups.get(number);
    if (group) group.push(i);
    else groups.set(number, [i]);
  });
  return [...groups.values()];
}

/**
 * As many positions as there are samples; categories come by weight, and within a category every sample comes before
 * any comes again.
 */
function balanced(
  samples: readonly Sample[],
  weights: true | Readonly<Record<string, number>>,
  key: string,
): Uint32Array {
  const byCategory = new Map<string, number[]>();
  samples.forEach(({ category }, i) => {
    const members = byCategory.get(category);
    if (members) members.push(i);
    else byCategory.set(category, [i]);
  });
  const bags = [...byCategory].flatMap(([category, members]) => {
    const weight = weights === true ? 1 : Object.hasOwn(weights, category) ? (weights[category] ?? 0) : 0;
    return weight === 0 ? [] : [{ weight, draw: cycle(members, `${category} ${key}`) }];
  });
  const total = bags.reduce((sum, { weight }) => sum + weight, 0);
  if (samples.length > 0 && total === 0) {
    throw new BoxError('invalid_argument', 'Cannot balance: a category of the dataset must have a weight above 0');
  }
  const random = openRandom(seedOf(`balance ${key}`));
  return Uint32Array.from(samples, () => {
    let left = random.next() * total;
    const bag = bags.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    return (bag ?? bags.at(-1))?.draw() ?? 0;
  });
}

/** One member after the other in a shuffled order, and again in another. */
function cycle(members: readonly number[], key: string): () => number {
  let round = 0;
  let at = 0;
  let order = shuffled(members.length, members.length, seedOf(`cycle 0 ${key}`));
  return () => {
    if (at === order.length) {
      round++;
      at = 0;
      order = shuffled(members.length, members.length, seedOf(`cycle ${round} ${key}`));
    }
    return members[order[at++] as number] as number;
  };
}
