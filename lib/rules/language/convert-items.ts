import type { SyntaxNode } from '@lezer/common';
import { Refused } from './refusal.ts';
import type { Expression, Slice } from './syntax.ts';
import { type Convert, childrenOf, type Source } from './tree.ts';

const BRACKETS = new Set(['(', ')', '[', ']', '{', '}', ',']);

/** The expressions between brackets and commas. */
export function convertItems(nodes: readonly SyntaxNode[], source: Source, convert: Convert): Expression[] {
  const items: Expression[] = [];
  for (const node of nodes) {
    if (node.name === '*' || node.name === '**')
      throw new Refused(node.from + source.shift, 'rules have no starred expressions');
    if (!BRACKETS.has(node.name)) items.push(convert(node));
  }
  return items;
}

export function convertDict(node: SyntaxNode, source: Source, convert: Convert): (readonly [Expression, Expression])[] {
  const parts = childrenOf(node).filter((child) => !BRACKETS.has(child.name) && child.name !== ':');
  const entries: (readonly [Expression, Expression])[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const [key, value] = [parts[i] as SyntaxNode, parts[i + 1]];
    if (key.name === '**' || value === undefined)
      throw new Refused(key.from + source.shift, 'rules have no starred expressions');
    entries.push([convert(key), convert(value)]);
  }
  return entries;
}

/** `object[…]`: one key, or a tuple of keys where there are commas; each may be a slice. */
export function convertSubscript(
  object: SyntaxNode,
  rest: readonly SyntaxNode[],
  source: Source,
  convert: Convert,
): Expression {
  const at = (rest[0] as SyntaxNode).from + source.shift;
  const groups: SyntaxNode[][] = [[]];
  let commas = 0;
  for (const node of rest.slice(1, -1)) {
    if (node.name === ',') {
      commas++;
      groups.push([]);
    } else groups.at(-1)?.push(node);
  }
  const keys = groups.filter((group) => group.length > 0).map((group) => convertKey(group, source, convert));
  const [first] = keys;
  if (first === undefined) throw new Refused(at, 'the square brackets are empty');
  const key: Expression = commas === 0 ? first : { type: 'tuple', items: keys, at: first.at };
  return { type: 'subscript', object: convert(object), key, at };
}

function convertKey(group: readonly SyntaxNode[], source: Source, convert: Convert): Expression {
  const [first] = group as [SyntaxNode];
  if (!group.some((node) => node.name === ':')) return convert(first);
  const bounds: (Expression | undefined)[] = [undefined];
  for (const node of group) {
    if (node.name === ':') bounds.push(undefined);
    else bounds[bounds.length - 1] = convert(node);
  }
  const [lower, upper, step] = bounds;
  const slice: Slice = { type: 'slice', lower, upper, step, at: first.from + source.shift };
  return slice;
}

/** One expression, or a tuple where there are commas. */
export function convertSeparated(
  nodes: readonly SyntaxNode[],
  source: Source,
  convert: Convert,
  whole: SyntaxNode,
): Expression {
  const [first] = nodes;
  if (nodes.length === 1 && first !== undefined) return convert(first);
  return { type: 'tuple', items: convertItems(nodes, source, convert), at: whole.from + source.shift };
}
