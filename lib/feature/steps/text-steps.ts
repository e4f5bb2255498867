import type { Given } from '../given.ts';
import { standsInFile } from '../referenced-files.ts';
import type { StepKind } from '../step.ts';
import { fault, type Numbers } from '../value.ts';
import { readTokenizer, TOKEN_OPTIONS, type Tokenizer, tokensOf } from './tokens.ts';
import { readVocabulary, VOCABULARY_DOC, type Vocabulary } from './vocabulary.ts';

function textStep(step: Pick<StepKind, 'name' | 'doc' | 'options' | 'compile'>): StepKind {
  return { takes: ['json', 'texts'], gives: 'numbers', ...step };
}

const MAX_LENGTH = 1_000_000;

const BAG_OPTIONS = {
  vocabulary: VOCABULARY_DOC,
  binary: 'Whether a word that comes often counts 1, default false.',
  ngrams: '`[shortest, longest]` run of words that is looked up, joined by a space; default `[1, 1]`.',
  ...TOKEN_OPTIONS,
  stop_words:
    'Words that are left out before runs of words are made, a list or a file; compared in lower case, unless `lowercase` is false.',
} as const;

interface Bag {
  readonly vocabulary: Vocabulary;
  readonly tokenize: Tokenizer;
  readonly binary: boolean;
  readonly shortest: number;
  readonly longest: number;
}

type Fields<T> = { readonly [K in keyof T]?: Given };

function readBag(fields: Fields<typeof BAG_OPTIONS>, given: Given): Bag | undefined {
  const vocabulary = readVocabulary(fields.vocabulary, given);
  const tokenize = readTokenizer(fields, 'lowered');
  const binary = fields.binary?.flag() ?? false;
  const ends = fields.ngrams?.list({ min: 2, max: 2 })?.map((item) => item.integer({ min: 1, max: 10 }));
  const [shortest = 1, longest = 1] = ends ?? [];
  if (shortest > longest) fields.ngrams?.note('must have the shortest first');
  return vocabulary === undefined || tokenize === undefined
    ? undefined
    : { vocabulary, tokenize, binary, shortest, longest };
}

function counted(tokens: readonly string[], { vocabulary, binary, shortest, longest }: Bag): Float64Array {
  const counts = new Float64Array(vocabulary.size);
  for (let length = shortest; length <= longest; length++) {
    for (let i = 0; i + length <= tokens.length; i++) {
      const word = length === 1 ? (tokens[i] as string) : tokens.slice(i, i + length).join(' ');
      const place = vocabulary.place(word);
      if (place !== undefined) counts[place] = binary ? 1 : (counts[place] as number) + 1;
    }
  }
  return counts;
}

export const BAG_OF_WORDS_STEP = textStep({
  name: 'bag_of_words',
  doc: "How often each word of the vocabulary comes in the text: scikit-learn's `CountVectorizer`. A list of texts is taken as tokens that are cut already.",
  options: BAG_OPTIONS,
  compile(given) {
    const fields = given.fields(Object.keys(BAG_OPTIONS) as (keyof typeof BAG_OPTIONS)[]);
    const bag = fields && readBag(fields, given);
    if (bag === undefined) return undefined;
    return (value) => row(counted(tokensOf(value, bag.tokenize), bag));
  },
});

function row(data: Float64Array): Numbers {
  return { kind: 'numbers', shape: [data.length], data };
}

const NORMS = ['l2', 'l1', 'none'] as const;

const TF_IDF_OPTIONS = {
  idf: "The weight of each word, in the vocabulary's order (`idf_`); may stand in a file too.",
  norm: 'What the row is divided by: its length `l2` (default), the sum of its amounts `l1`, or `none`.',
  sublinear_tf: 'Whether a count n weighs 1 + ln n, default false.',
  ...BAG_OPTIONS,
} as const;

export const TF_IDF_STEP = textStep({
  name: 'tf_idf',
  doc: "Counts of words, weighted and normalised: scikit-learn's `TfidfVectorizer`.",
  options: TF_IDF_OPTIONS,
  compile(given) {
    const fields = given.fields(Object.keys(TF_IDF_OPTIONS) as (keyof typeof TF_IDF_OPTIONS)[]);
    const bag = fields && readBag(fields, given);
    const idf = fields?.idf && !standsInFile(fields.idf) ? fields.idf.numbers({}, MAX_LENGTH) : undefined;
    const norm = fields?.norm?.choice(NORMS) ?? 'l2';
    const sublinear = fields?.sublinear_tf?.flag() ?? false;
    if (idf === undefined && fields?.idf === undefined) given.note('must have idf, one number for each word');
    if (bag === undefined || idf === undefined) return undefined;
    if (idf.length !== bag.vocabulary.size) {
      return fields?.idf?.note(`must have ${bag.vocabulary.size} numbers, one for each word, got ${idf.length}`);
    }
    return (value) => {
      const data = counted(tokensOf(value, bag.tokenize), bag);
      for (const [place, count] of data.entries()) {
        if (count !== 0) data[place] = (sublinear ? Math.log(count) + 1 : count) * (idf[place] as number);
      }
      return row(divided(data, norm));
    };
  },
});

function divided(data: Float64Array, norm: (typeof NORMS)[number]): Float64Array {
  let sum = 0;
  for (const item of data) sum += norm === 'l2' ? item * item : Math.abs(item);
  const by = norm === 'l2' ? Math.sqrt(sum) : sum;
  return norm === 'none' || by === 0 ? data : data.map((item) => item / by);
}

const ENDS = ['start', 'end'] as const;

const SEQUENCE_OPTIONS = {
  vocabulary: VOCABULARY_DOC,
  length: 'The length of the row.',
  first: "The number of the vocabulary's first word, default 0; 1 leaves 0 for the padding.",
  pad: 'What fills a short text, default 0.',
  pad_at: '`start` (default, as Keras does) or `end`.',
  cut_at: 'Where a long text is cut: `start` (default, as Keras does) or `end`.',
  unknown: 'What another word is: `skip` (default), `error`, or a number.',
  ...TOKEN_OPTIONS,
  stop_words:
    'Words that are left out, a list or a file; compared as they stand in the text, before it is brought to lower case.',
} as const;

export const SEQUENCE_STEP = textStep({
  name: 'sequence',
  doc: 'The words of a text as their places in the vocabulary, padded and cut to a length.',
  options: SEQUENCE_OPTIONS,
  compile(given) {
    const fields = given.fields(Object.keys(SEQUENCE_OPTIONS) as (keyof typeof SEQUENCE_OPTIONS)[]);
    if (fields === undefined) return undefined;
    const vocabulary = readVocabulary(fields.vocabulary, given);
    const tokenize = readTokenizer(fields, 'asWritten');
    const length = fields.length?.integer({ min: 1, max: MAX_LENGTH });
    const first = fields.first?.integer({ min: 0, max: MAX_LENGTH }) ?? 0;
    const pad = fields.pad?.number() ?? 0;
    const padAt = fields.pad_at?.choice(ENDS) ?? 'start';
    const cutAt = fields.cut_at?.choice(ENDS) ?? 'start';
    const other = typeof fields.unknown?.value === 'number' ? fields.unknown.value : undefined;
    const unknown = other === undefined ? (fields.unknown?.choice(['skip', 'error'] as const) ?? 'skip') : 'number';
    if (length === undefined && fields.length === undefined) given.note('must have a length');
    if (vocabulary === undefined || tokenize === undefined || length === undefined) return undefined;
    const placeOf = (word: string): number[] => {
      const place = vocabulary.place(word);
      if (place !== undefined) return [place + first];
      if (unknown === 'error') throw fault(`must be in the vocabulary, got ${JSON.stringify(word.slice(0, 60))}`);
      return other === undefined ? [] : [other];
    };
    return (value) => {
      const places = tokensOf(value, tokenize).flatMap(placeOf);
      const kept = cutAt === 'start' ? places.slice(-length) : places.slice(0, length);
      const data = new Float64Array(length).fill(pad);
      data.set(kept, padAt === 'start' ? length - kept.length : 0);
      return row(data);
    };
  },
});
