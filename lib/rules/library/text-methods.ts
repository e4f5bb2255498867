import type { Evaluation } from '../evaluation.ts';
import { typeError, valueError } from '../value/py-error.ts';
import { typeName } from '../value/type-name.ts';
import { PyList, PyTuple, type Value } from '../value/value.ts';
import { wholeNumberOr } from './argument.ts';
import { noAttribute } from './attributes.ts';
import { type Arguments, defineFunction, type Parameter } from './function.ts';

interface TextMethod {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly callOn: (self: Value, args: Arguments, evaluation: Evaluation) => Value;
}

function textMethod(name: string, signature: string, call: (text: string, args: Arguments) => Value): TextMethod {
  return {
    name: `.${name}`,
    parameters: defineFunction(name, signature, () => null).parameters,
    callOn: (self, args, evaluation) => {
      if (typeof self !== 'string') throw noAttribute(self, name);
      evaluation.take(self.length);
      return call(self, args);
    },
  };
}

/** `startswith` and `endswith` take one text or a tuple of them. */
function anyText(value: Value | undefined, name: string, test: (text: string) => boolean): boolean {
  const options = value instanceof PyTuple ? value.items : [value ?? null];
  return options.some((option) => {
    if (typeof option === 'string') return test(option);
    throw typeError(`${name} first arg must be str or a tuple of str, not ${typeName(option)}`);
  });
}

/** The methods of text. */
export const TEXT_METHODS: readonly TextMethod[] = [
  textMethod('startswith', 'prefix, /', (text, [prefix]) => anyText(prefix, 'startswith', (p) => text.startsWith(p))),
  textMethod('endswith', 'suffix, /', (text, [suffix]) => anyText(suffix, 'endswith', (s) => text.endsWith(s))),
  textMethod('lower', '', (text) => text.toLowerCase()),
  textMethod('upper', '', (text) => text.toUpperCase()),
  textMethod('strip', 'chars=, /', (text, [chars]) => strip(text, chars ?? null)),
  textMethod(
    'split',
    'sep=, maxsplit=',
    (text, [separator, most]) => new PyList(split(text, separator ?? null, wholeNumberOr(most, 'maxsplit', -1))),
  ),
];

function strip(text: string, chars: Value): string {
  if (chars === null) return text.replace(EDGE_BLANKS, '');
  if (typeof chars !== 'string') throw typeError('strip arg must be None or str');
  const drop = new Set(chars);
  const points = [...text];
  let start = 0;
  let end = points.length;
  while (start < end && drop.has(points[start] as string)) start++;
  while (end > start && drop.has(points[end - 1] as string)) end--;
  return points.slice(start, end).join('');
}

/** What Python counts as blank: also the separators from \x1c to \x1f, but not the byte order mark that JavaScript takes. */
const BLANK = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const EDGE_BLANKS = new RegExp(`^[${BLANK}]+|(?<![${BLANK}])[${BLANK}]+$`, 'g');
const WORDS = new RegExp(`[^${BLANK}]+`, 'g');

function split(text: string, separator: Value, most: number): string[] {
  if (separator === null) return splitAtBlanks(text, most);
  if (typeof separator !== 'string') throw typeError(`must be str or None, not ${typeName(separator)}`);
  if (separator === '') throw valueError('empty separator');
  const parts = text.split(separator);
  if (most < 0 || parts.length <= most + 1) return parts;
  return [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function splitAtBlanks(text: string, most: number): string[] {
  const parts: string[] = [];
  for (const word of text.matchAll(WORDS)) {
    // What is left when all splits are used up keeps the blanks at its end.
    if (most >= 0 && parts.length === most) return [...parts, text.slice(word.index)];
    parts.push(word[0]);
  }
  return parts;
}
