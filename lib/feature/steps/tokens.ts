import { type Given, shown } from '../given.ts';
import { standsInFile } from '../referenced-files.ts';
import { fault, flatten, type Value } from '../value.ts';

/** Cuts text into tokens. */
export type Tokenizer = (text: string) => string[];

/** Text that is tokenised may be this long: beyond it, it is no sentence of a sensor. */
const MAX_TEXT = 1024 * 1024;

/** Python's `\w` for text: letters, digits and other numbers, underscore. */
const WORD = '[\\p{L}\\p{N}_]';
const ATOMS: Readonly<Record<string, string>> = { '\\w': WORD, '\\S': '\\S', '\\d': '\\p{Nd}' };

export const TOKEN_OPTIONS = {
  lowercase: 'Whether text is brought to lower case first, default true.',
  pattern:
    "What a token is: one kind of character, repeated, as `\\w+`, `\\b\\w\\w+\\b` (default, as in scikit-learn), `\\S+`, `[a-z']{3,}`. No other expressions are taken: each is matched in time that grows with the text alone.",
} as const;

/** scikit-learn's default: words of two or more characters. */
const DEFAULT_PATTERN = '\\b\\w\\w+\\b';

/** The options of a tokenizer that came with a step. */
export interface TokenFields {
  readonly lowercase?: Given;
  readonly pattern?: Given;
  readonly stop_words?: Given;
}

/**
 * Reads how text is cut into tokens. Stop words are looked for in tokens of lower case, as scikit-learn does, or
 * (`asWritten`) in tokens as they stand in the text.
 */
export function readTokenizer(fields: TokenFields, stops: 'lowered' | 'asWritten'): Tokenizer | undefined {
  const { lowercase, pattern } = fields;
  const lower = lowercase?.flag() ?? true;
  const stopWords = fields.stop_words && readStopWords(fields.stop_words);
  const text = pattern === undefined ? DEFAULT_PATTERN : pattern.text(100);
  const expression = text === undefined ? undefined : tokenExpression(text);
  if (expression === undefined) {
    return text === undefined ? undefined : pattern?.refuse('must be one kind of character, repeated, such as \\w+');
  }
  return (input) => {
    if (input.length > MAX_TEXT) throw fault(`must be text of at most ${MAX_TEXT} characters, got ${input.length}`);
    if (stopWords === undefined) return (lower ? input.toLowerCase() : input).match(expression) ?? [];
    const cut = (stops === 'asWritten' || !lower ? input : input.toLowerCase()).match(expression) ?? [];
    const kept = cut.filter((token) => !stopWords.has(token));
    return stops === 'asWritten' && lower ? kept.map((token) => token.toLowerCase()) : kept;
  };
}

const MAX_STOP_WORDS = 10_000;

function readStopWords(given: Given): ReadonlySet<string> | undefined {
  if (standsInFile(given)) return undefined;
  const words = given.list({ min: 1, max: MAX_STOP_WORDS })?.map((item) => item.text(200));
  return words?.every((word) => word !== undefined) ? new Set(words) : undefined;
}

/** A pattern of one kind of character as an expression that never goes back over the text. */
function tokenExpression(pattern: string): RegExp | undefined {
  const found = /^(?:\(\?u\))?(?:\\b)?(\\[wSd]|\[(?:[^\]\\[]|\\[\]\\[wds-])+\])(.*?)(?:\\b)?$/u.exec(pattern);
  const [, atom, rest] = found ?? [];
  if (atom === undefined || rest === undefined) return undefined;
  const least = leastCount(atom, rest);
  if (least === undefined) return undefined;
  const set = ATOMS[atom] ?? atom.replaceAll('\\w', '\\p{L}\\p{N}_').replaceAll('\\d', '\\p{Nd}');
  try {
    return new RegExp(`${set}{${least},}`, 'gu');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** How often the kind of character must come at least; `rest` is what follows its first mention. */
function leastCount(atom: string, rest: string): number | undefined {
  const repeats = rest.split(atom).length - 1;
  const end = rest.slice(repeats * atom.length);
  if (rest.slice(0, repeats * atom.length) !== atom.repeat(repeats)) return undefined;
  if (end === '+') return repeats + 1;
  const counted = repeats === 0 ? /^\{(\d{1,3}),\}$/.exec(end) : null;
  return counted?.[1] === undefined ? undefined : Number(counted[1]);
}

/** The texts of a value, whatever its shape: text and numbers, as categories are written. */
export function categoriesOf(value: Value): { shape: readonly number[]; texts: readonly string[] } {
  if (value.kind === 'texts') return { shape: value.shape, texts: value.data };
  if (value.kind === 'numbers') return { shape: value.shape, texts: Array.from(value.data, String) };
  if (value.kind !== 'json') throw fault('must be text or numbers');
  const { shape, flat } = flatten(value.json);
  return { shape, texts: flat.map(categoryText) };
}

function categoryText(item: unknown): string {
  if (typeof item === 'string') return item;
  if (typeof item === 'number' || typeof item === 'bigint' || typeof item === 'boolean') return String(item);
  throw fault(`must be text or numbers, got ${shown(item)}`);
}

/** The tokens of a value: text is cut up, a list of texts is a list of tokens. */
export function tokensOf(value: Value, tokenize: Tokenizer): readonly string[] {
  const { shape, texts } = categoriesOf(value);
  if (shape.length === 0) return tokenize(texts[0] ?? '');
  if (shape.length === 1) return texts;
  throw fault(`must be text or a list of tokens, got a list ${shape.length} deep`);
}
