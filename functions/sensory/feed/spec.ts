import { BoxError } from '#lib/error/box-error.ts';
import { isPlain, oldNoise, type Recipe } from '../draw/augment.ts';
import { type Fields, fieldsOf, probability, refused } from '../fields.ts';

const SPLITS = ['all', 'train', 'val', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** What a feed of samples consists of. With a state of the dataset and an epoch it says which sample has which position. */
export interface FeedSpec {
  readonly split: Split;
  /** Shares of train, val and test; they add up to 1. */
  readonly ratios: readonly [number, number, number];
  /** Text: a number is as good as a name. */
  readonly seed: string;
  /** Weights by category: how often a category comes, against the others; all of them alike for `true`. */
  readonly balance: boolean | Readonly<Record<string, number>>;
  readonly recipe: Recipe;
  /**
   * Packed shards whose samples are mixed; 0 mixes all. A feed of a dataset that is larger than the function's memory
   * reads each shard once and not once a batch.
   */
  readonly mix: number;
}

const DEFAULT_RATIOS = [0.8, 0.1, 0.1] as const;
const MAX_SEED = 100;
const MAX_MIX = 10_000;

/**
 * Reads a feed's description from a request or a cursor.
 *
 * @throws BoxError `invalid_argument` that names the member.
 */
export function readFeedSpec(fields: Fields): FeedSpec {
  return {
    split: readSplit(fields.split ?? 'all'),
    ratios: readRatios(fields.ratios ?? DEFAULT_RATIOS),
    seed: readSeed(fields.seed ?? '0'),
    balance: readBalance(fields.balance ?? false),
    recipe: readRecipe(fields),
    mix: readMix(fields.mix ?? 0),
  };
}

function readSplit(value: unknown): Split {
  const found = SPLITS.find((split) => split === value);
  if (found) return found;
  throw refused('split', `it must be one of ${SPLITS.join(', ')}`, value);
}

function readRatios(value: unknown): FeedSpec['ratios'] {
  if (Array.isArray(value) && value.length === 3 && value.every((share) => typeof share === 'number' && share >= 0)) {
    const [train, val, test] = value as [number, number, number];
    if (Math.abs(train + val + test - 1) < 1e-9) return [train, val, test];
  }
  throw refused('ratios', 'it must be three shares of train, val and test that add up to 1', value);
}

function readSeed(value: unknown): string {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && text.length <= MAX_SEED) return text;
  throw refused('seed', `it must be a whole number or text of at most ${MAX_SEED} characters`, value);
}

function readBalance(value: unknown): FeedSpec['balance'] {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const weights = Object.entries(value);
    if (weights.length > 0 && weights.every(([, weight]) => isShare(weight))) {
      if (weights.some(([, weight]) => weight > 0)) return value as Record<string, number>;
    }
  }
  throw refused('balance', 'it must be true, false or a weight from 0 for each category', value);
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function readMix(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_MIX) return value;
  throw refused('mix', `it must be a whole number from 0 to ${MAX_MIX}`, value);
}

const STEPS: Readonly<Record<keyof Recipe, Readonly<Record<string, readonly [number, number]>>>> = {
  rotate: { degrees: [0, 180] },
  scale: { min: [0.1, 10], max: [0.1, 10] },
  shift: { pixels: [0, 8192] },
  flip: {},
  brightness: { amount: [0, 1] },
  noise: { sigma: [0, 1] },
};

/** The recipe in `augment`; or that of the old trainers' `noise`. */
function readRecipe(fields: Fields): Recipe {
  const noise = fields.noise === undefined ? 0 : probability(fields, 'noise');
  if (fields.augment === undefined) return oldNoise(noise);
  if (noise > 0) throw refused('noise', 'it must not be given together with augment', noise);
  const recipe: Record<string, Record<string, number>> = {};
  for (const [name, step] of Object.entries(fieldsOf(fields.augment))) {
    const bounds = new Map(Object.entries(STEPS)).get(name);
    if (!bounds) throw refused('augment', `its steps are ${Object.keys(STEPS).join(', ')}`, name);
    recipe[name] = readStep(name, fieldsOf(step), bounds);
  }
  const read = recipe as Recipe;
  if (read.scale && read.scale.min > read.scale.max)
    throw refused('augment.scale', 'min must not exceed max', read.scale);
  return isPlain(read) ? {} : read;
}

function readStep(name: string, step: Fields, bounds: Readonly<Record<string, readonly [number, number]>>) {
  const values: Record<string, number> = { probability: probability(step, 'probability') };
  for (const [member, [min, max]] of Object.entries(bounds)) {
    const value = step[member];
    const whole = member !== 'pixels' || Number.isInteger(value);
    if (typeof value !== 'number' || !(value >= min && value <= max) || !whole) {
      throw refused(`augment.${name}.${member}`, `it must be a number from ${min} to ${max}`, value);
    }
    values[member] = value;
  }
  const unknown = Object.keys(step).find((member) => !Object.hasOwn(values, member));
  if (unknown) throw new BoxError('invalid_argument', `Cannot read augment.${name}: ${unknown} is not known`);
  return values;
}
