import type { SyntaxNode } from '@lezer/common';
import { Refused } from './refusal.ts';
import type { Clause, Comprehension, Expression, Target } from './syntax.ts';
import { type Convert, childrenOf, type Source, textOf } from './tree.ts';

const KINDS: Readonly<Record<string, Comprehension['kind']>> = {
  ComprehensionExpression: 'generator',
  ArrayComprehensionExpression: 'list',
  SetComprehensionExpression: 'set',
  DictionaryComprehensionExpression: 'dict',
};

/** A comprehension or generator expression in its brackets. */
export function convertComprehension(node: SyntaxNode, source: Source, convert: Convert): Comprehension {
  return comprehensionFrom(childrenOf(node).slice(1, -1), KINDS[node.name] ?? 'generator', source, convert);
}

/** A comprehension from the nodes inside its brackets: the element, then `for … in …` and `if …`. */
export function comprehensionFrom(
  nodes: readonly SyntaxNode[],
  kind: Comprehension['kind'],
  source: Source,
  convert: Convert,
): Comprehension {
  const [first, colon, value] = nodes as [SyntaxNode, SyntaxNode | undefined, SyntaxNode | undefined];
  if (first.name === '*' || first.name === '**')
    throw new Refused(first.from + source.shift, 'rules have no starred expressions');
  const isDict = colon?.name === ':';
  return {
    type: 'comprehension',
    kind,
    element: convert(first),
    value: isDict && value !== undefined ? convert(value) : undefined,
    clauses: convertClauses(nodes.slice(isDict ? 3 : 1), source, convert),
    at: first.from + source.shift,
  };
}

function convertClauses(nodes: readonly SyntaxNode[], source: Source, convert: Convert): Clause[] {
  const clauses: { target: Target; iterable: Expression; conditions: Expression[]; at: number }[] = [];
  for (let i = 0; i < nodes.length; ) {
    const node = nodes[i] as SyntaxNode;
    if (node.name === 'if') {
      clauses.at(-1)?.conditions.push(convert(nodes[i + 1] as SyntaxNode));
      i += 2;
      continue;
    }
    if (node.name !== 'for') throw new Refused(node.from + source.shift, 'rules have no async');
    const inAt = nodes.findIndex((other, at) => at > i && other.name === 'in');
    const target = convertTargets(nodes.slice(i + 1, inAt), source, node);
    clauses.push({
      target,
      iterable: convert(nodes[inAt + 1] as SyntaxNode),
      conditions: [],
      at: node.from + source.shift,
    });
    i = inAt + 2;
  }
  return clauses;
}

function convertTargets(nodes: readonly SyntaxNode[], source: Source, whole: SyntaxNode): Target {
  const names = nodes.filter((node) => node.name !== ',');
  const [first] = names;
  if (first !== undefined && nodes.length === 1) return convertTarget(first, source);
  return { type: 'targets', items: names.map((node) => convertTarget(node, source)), at: whole.from + source.shift };
}

function convertTarget(node: SyntaxNode, source: Source): Target {
  const at = node.from + source.shift;
  if (node.name === 'VariableName') return { type: 'name', id: textOf(node, source), at };
  if (node.name === 'TupleExpression' || node.name === 'ArrayExpression' || node.name === 'ParenthesizedExpression') {
    return convertTargets(childrenOf(node).slice(1, -1), source, node);
  }
  throw new Refused(at, 'a loop can only assign to names');
}
