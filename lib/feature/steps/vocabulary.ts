import type { Given } from '../given.ts';
import { standsInFile } from '../referenced-files.ts';

/** Words and their places. */
export interface Vocabulary {
  readonly size: number;
  /** The word's place; undefined when it is not there. */
  place(word: string): number | undefined;
}

const MAX_WORDS = 1_000_000;

export const VOCABULARY_DOC =
  'The words in their order, or `{ "word": place }`; a long one as `{ "file": "s3://models/words.json" }`, or a `.txt` with a word on each line.';

/** Reads a vocabulary: a list of words, or each word with its place, as scikit-learn's `vocabulary_`. */
export function readVocabulary(given: Given | undefined, parent: Given): Vocabulary | undefined {
  if (given === undefined) return parent.note('must have a vocabulary');
  if (standsInFile(given)) return undefined;
  const words = Array.isArray(given.value) ? listed(given) : placed(given);
  if (words === undefined) return undefined;
  return { size: words.size, place: (word) => words.get(word) };
}

function listed(given: Given): Map<string, number> | undefined {
  const words = given.list({ min: 1, max: MAX_WORDS })?.map((item) => wordOf(item));
  if (!words?.every((word) => word !== undefined)) return undefined;
  const places = new Map(words.map((word, place) => [word, place]));
  return places.size === words.length ? places : given.note('must have each word once');
}

function wordOf(given: Given): string | undefined {
  const { value } = given;
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : given.refuse('must be a word');
}

function placed(given: Given): Map<string, number> | undefined {
  const keys = given.keys();
  if (keys.length === 0 || keys.length > MAX_WORDS) {
    return given.refuse(`must be a list of 1 to ${MAX_WORDS} words, or an object of word and place`);
  }
  const places = new Map<string, number>();
  for (const key of keys) {
    const place = given.field(key)?.integer({ min: 0, max: keys.length - 1 });
    if (place === undefined) return undefined;
    places.set(key, place);
  }
  return new Set(places.values()).size === places.size ? places : given.note('must have each place once');
}
