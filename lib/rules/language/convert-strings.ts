import type { SyntaxNode } from '@lezer/common';
import { convertSeparated } from './convert-items.ts';
import { decodeEscapes, takeQuotesOff } from './literals.ts';
import { Refused } from './refusal.ts';
import type { Expression, FormatPart, Replacement } from './syntax.ts';
import { type Convert, childrenOf, type Source, textOf } from './tree.ts';

/** A string, an f-string, or several beside each other, which Python joins. */
export function convertStrings(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const at = node.from + source.shift;
  const literals = node.name === 'ContinuedString' ? childrenOf(node) : [node];
  const parts = literals.flatMap((literal) =>
    literal.name === 'FormatString' ? formatParts(literal, source, convert) : [plainText(literal, source)],
  );
  if (parts.every((part) => typeof part === 'string')) return { type: 'constant', value: parts.join(''), at };
  return { type: 'format', parts, at };
}

function plainText(node: SyntaxNode, source: Source): string {
  const literal = textOf(node, source);
  const at = node.from + source.shift;
  const { raw, start, end } = takeQuotesOff(literal, at);
  return decodeEscapes(literal.slice(start, end), raw, at);
}

function formatParts(node: SyntaxNode, source: Source, convert: Convert): FormatPart[] {
  const { raw, start, end } = takeQuotesOff(textOf(node, source), node.from + source.shift);
  const text = (from: number, to: number): string => {
    const content = source.source.slice(from, to);
    return unbrace(decodeEscapes(content, raw, from + source.shift), from + source.shift);
  };
  return partsBetween(node, node.from + start, node.from + end, text, source, convert);
}

/** The texts and replacements between two offsets, in order. */
function partsBetween(
  node: SyntaxNode,
  from: number,
  to: number,
  text: (from: number, to: number) => string,
  source: Source,
  convert: Convert,
): FormatPart[] {
  const parts: FormatPart[] = [];
  let done = from;
  for (const child of childrenOf(node)) {
    if (child.name !== 'FormatReplacement') continue;
    if (child.from > done) parts.push(text(done, child.from));
    parts.push(convertReplacement(child, source, convert));
    done = child.to;
  }
  if (to > done) parts.push(text(done, to));
  return parts;
}

/** `{{` and `}}` are the braces themselves. */
function unbrace(text: string, at: number): string {
  return text.replace(/\{\{|\}\}|[{}]/g, (brace) => {
    if (brace.length === 2) return brace[0] as string;
    throw new Refused(at, `a single '${brace}' in an f-string is written twice`);
  });
}

const CONVERSIONS = { '!s': 's', '!r': 'r', '!a': 'a' } as const;

function convertReplacement(node: SyntaxNode, source: Source, convert: Convert): Replacement {
  const children = childrenOf(node);
  const marks = new Set(['{', '}', 'FormatSelfDoc', 'FormatConversion', 'FormatSpec']);
  const values = children.filter((child) => !marks.has(child.name));
  const selfDoc = children.find((child) => child.name === 'FormatSelfDoc');
  const conversion = children.find((child) => child.name === 'FormatConversion');
  const spec = children.find((child) => child.name === 'FormatSpec');
  return {
    type: 'replacement',
    value: convertSeparated(values, source, convert, node),
    conversion:
      conversion === undefined ? undefined : CONVERSIONS[textOf(conversion, source) as keyof typeof CONVERSIONS],
    spec:
      spec === undefined
        ? []
        : partsBetween(spec, spec.from + 1, spec.to, (a, b) => source.source.slice(a, b), source, convert),
    label: selfDoc === undefined ? '' : source.source.slice(node.from + 1, labelEnd(selfDoc)),
    at: node.from + source.shift,
  };
}

/** The label of `{x = }` goes on to what follows it, blanks included. */
function labelEnd(selfDoc: SyntaxNode): number {
  return selfDoc.nextSibling?.from ?? selfDoc.to;
}
