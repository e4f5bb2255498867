import type { Given } from '../given.ts';
import type { StepKind } from '../step.ts';
import { checkElements, fault, type Numbers } from '../value.ts';
import { categoriesOf } from './tokens.ts';
import { readVocabulary, VOCABULARY_DOC, type Vocabulary } from './vocabulary.ts';

const UNKNOWN = ['error', 'extra', 'ignore'] as const;
type Unknown = (typeof UNKNOWN)[number];

const UNKNOWN_DOC =
  'What a word that is not in the vocabulary is: `error` (default: the signal is refused), `extra` (a place of its own, the last), or `ignore` (zeros).';

function categoryStep(step: Pick<StepKind, 'name' | 'doc' | 'options' | 'compile'>): StepKind {
  return { takes: ['json', 'texts', 'numbers'], gives: 'numbers', ...step };
}

/** The place of each word; undefined where an unknown one is ignored. */
function placer(vocabulary: Vocabulary, unknown: Unknown): (word: string) => number | undefined {
  return (word) => {
    const place = vocabulary.place(word);
    if (place !== undefined) return place;
    if (unknown === 'error') throw fault(`must be in the vocabulary, got ${JSON.stringify(word.slice(0, 60))}`);
    return unknown === 'extra' ? vocabulary.size : undefined;
  };
}

function widthOf(vocabulary: Vocabulary, unknown: Unknown): number {
  return vocabulary.size + (unknown === 'extra' ? 1 : 0);
}

export const INDEX_STEP = categoryStep({
  name: 'index',
  doc: "A category's place in the vocabulary, from 0.",
  options: {
    vocabulary: VOCABULARY_DOC,
    unknown: 'What another word is: `error` (default), `extra` (the place after the last), or a number.',
  },
  compile(given) {
    const fields = given.fields(['vocabulary', 'unknown']);
    if (fields === undefined) return undefined;
    const vocabulary = readVocabulary(fields.vocabulary, given);
    const other = typeof fields.unknown?.value === 'number' ? fields.unknown.value : undefined;
    const unknown = other === undefined ? (fields.unknown?.choice(['error', 'extra'] as const) ?? 'error') : 'ignore';
    if (vocabulary === undefined) return undefined;
    const place = placer(vocabulary, unknown);
    return (value) => {
      const { shape, texts } = categoriesOf(value);
      return { kind: 'numbers', shape, data: Float64Array.from(texts, (text) => place(text) ?? other ?? -1) };
    };
  },
});

export const ONE_HOT_STEP = categoryStep({
  name: 'one_hot',
  doc: 'A category as zeros and a one at its place; a list of categories as a row for each.',
  options: { vocabulary: VOCABULARY_DOC, unknown: UNKNOWN_DOC },
  compile(given) {
    const read = readPlaces(given);
    if (read === undefined) return undefined;
    const { place, width } = read;
    return (value) => {
      const { shape, texts } = categoriesOf(value);
      checkElements(texts.length * width);
      const data = new Float64Array(texts.length * width);
      for (const [row, text] of texts.entries()) {
        const at = place(text);
        if (at !== undefined) data[row * width + at] = 1;
      }
      return { kind: 'numbers', shape: [...shape, width], data };
    };
  },
});

function readPlaces(given: Given) {
  const fields = given.fields(['vocabulary', 'unknown']);
  if (fields === undefined) return undefined;
  const vocabulary = readVocabulary(fields.vocabulary, given);
  const unknown = fields.unknown?.choice(UNKNOWN) ?? 'error';
  if (vocabulary === undefined) return undefined;
  return { place: placer(vocabulary, unknown), width: widthOf(vocabulary, unknown) };
}

export const MULTI_HOT_STEP = categoryStep({
  name: 'multi_hot',
  doc: 'A list of categories as one row of zeros with a one at the place of each.',
  options: {
    vocabulary: VOCABULARY_DOC,
    unknown: UNKNOWN_DOC,
    separator:
      'The text between the categories where they stand in one text: `,` for `"red, blue"`; spaces around them are left out.',
  },
  compile(given) {
    const fields = given.fields(['vocabulary', 'unknown', 'separator']);
    if (fields === undefined) return undefined;
    const vocabulary = readVocabulary(fields.vocabulary, given);
    const unknown = fields.unknown?.choice(UNKNOWN) ?? 'error';
    const separator = fields.separator?.text(10);
    if (vocabulary === undefined) return undefined;
    const place = placer(vocabulary, unknown);
    const width = widthOf(vocabulary, unknown);
    return (value) => {
      const data = new Float64Array(width);
      for (const text of categoriesOf(value).texts) {
        for (const word of parts(text, separator)) {
          const at = place(word);
          if (at !== undefined) data[at] = 1;
        }
      }
      return { kind: 'numbers', shape: [width], data };
    };
  },
});

function parts(text: string, separator: string | undefined): string[] {
  if (separator === undefined) return [text];
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const HASH_OPTIONS = {
  size: 'The number of places.',
  signed: 'Whether a word counts -1 where its hash is negative, default true (`alternate_sign`).',
} as const;

export const HASH_STEP = categoryStep({
  name: 'hash',
  doc: "A category, or a list of them, counted at the places that their hashes say: scikit-learn's `FeatureHasher` with text.",
  options: HASH_OPTIONS,
  compile(given) {
    const fields = given.fields(['size', 'signed']);
    const size = fields?.size?.integer({ min: 1, max: 1 << 24 });
    const signed = fields?.signed?.flag() ?? true;
    if (size === undefined) return fields?.size === undefined ? given.note('must have a size') : undefined;
    return (value) => hashed(categoriesOf(value).texts, size, signed);
  },
});

function hashed(words: readonly string[], size: number, signed: boolean): Numbers {
  const data = new Float64Array(size);
  for (const word of words) {
    const hash = murmur3(Buffer.from(word));
    // -2^31 has no positive counterpart: scikit-learn takes the place that wrapping by hand gives.
    const at = hash === -2147483648 ? (2147483647 - (size - 1)) % size : Math.abs(hash) % size;
    data[at] = (data[at] as number) + (signed && hash < 0 ? -1 : 1);
  }
  return { kind: 'numbers', shape: [size], data };
}

/** MurmurHash3 x86 32-bit with seed 0, as a signed number. */
function murmur3(bytes: Buffer): number {
  let hash = 0;
  const whole = bytes.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    hash ^= mixed(bytes.readInt32LE(i));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (whole < bytes.length) hash ^= mixed(bytes.readUIntLE(whole, bytes.length - whole));
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

function mixed(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}
