import { intFromText } from '../value/integer.ts';
import { PyFloat, type Value } from '../value/value.ts';
import { Refused } from './refusal.ts';

const DECIMAL = /^(?:0(?:_?0)*|[1-9](?:_?\d)*)$/;
const BASED = /^0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)$/;
const FLOAT = /^(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?$/;

/** A number as Python reads it. */
export function readNumber(text: string, at: number): Value {
  if (text.length > 4300) throw new Refused(at, 'a number may have 4300 digits');
  if (DECIMAL.test(text) || BASED.test(text)) {
    return intFromText(text, 0);
  }
  if (/[jJ]$/.test(text)) throw new Refused(at, 'rules have no complex numbers');
  if (FLOAT.test(text) && /[.eE]/.test(text)) return new PyFloat(Number(text.replaceAll('_', '')));
  throw new Refused(at, `'${text.slice(0, 40)}' is not a number of Python's`);
}

/** A string literal taken apart: its prefix letters, and where its content begins and ends in the literal. */
export interface Quoted {
  readonly raw: boolean;
  readonly start: number;
  readonly end: number;
}

export function takeQuotesOff(literal: string, at: number): Quoted {
  const prefix = /^[a-zA-Z]*/.exec(literal)?.[0] ?? '';
  if (/b/i.test(prefix)) throw new Refused(at, 'rules have no bytes, only text');
  const quote = literal.slice(prefix.length, prefix.length + 3);
  const width = (quote === '"""' || quote === "'''") && literal.length >= prefix.length + 6 ? 3 : 1;
  return { raw: /r/i.test(prefix), start: prefix.length + width, end: literal.length - width };
}

const SIMPLE: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(\r\n|[\s\S]))/g;

/** The text that the content of a string literal stands for. */
export function decodeEscapes(content: string, raw: boolean, at: number): string {
  if (raw || !content.includes('\\')) return content;
  return content.replace(ESCAPE, (all, octal, hex2, hex4, hex8, other: string | undefined) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const hex = hex2 ?? hex4 ?? hex8;
    if (hex !== undefined) return codePoint(Number.parseInt(hex, 16), at);
    if (other === 'N')
      throw new Refused(at, 'characters are not named here: write the character itself, or \\u and its number');
    if (other === 'x' || other === 'u' || other === 'U')
      throw new Refused(at, `\\${other} needs its hexadecimal digits`);
    return SIMPLE[other === '\r\n' ? '\n' : (other ?? '')] ?? all;
  });
}

function codePoint(code: number, at: number): string {
  if (code > 0x10ffff) throw new Refused(at, 'there is no such character');
  return String.fromCodePoint(code);
}
