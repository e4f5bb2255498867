import type { SyntaxNode } from '@lezer/common';
import { comprehensionFrom } from './convert-comprehension.ts';
import { Refused } from './refusal.ts';
import type { Call, Expression, Keyword } from './syntax.ts';
import { type Convert, childrenOf, type Source, textOf } from './tree.ts';

/** `callee(…)`: positional and keyword arguments, or one generator expression without parentheses of its own. */
export function convertCall(node: SyntaxNode, source: Source, convert: Convert): Call {
  const [callee, list] = childrenOf(node) as [SyntaxNode, SyntaxNode];
  const at = node.from + source.shift;
  const groups = splitAtCommas(childrenOf(list).slice(1, -1));
  const positional: Expression[] = [];
  const keywords: Keyword[] = [];
  for (const group of groups) {
    const [first, second] = group as [SyntaxNode, SyntaxNode | undefined];
    if (first.name === '*' || first.name === '**')
      throw new Refused(first.from + source.shift, 'rules have no star arguments');
    if (second?.name === 'AssignOp') {
      keywords.push(keyword(group, source, convert));
      continue;
    }
    if (keywords.length > 0)
      throw new Refused(first.from + source.shift, 'a positional argument cannot follow a keyword argument');
    if (second !== undefined && groups.length > 1) {
      throw new Refused(first.from + source.shift, 'a generator expression beside other arguments needs parentheses');
    }
    positional.push(second === undefined ? convert(first) : comprehensionFrom(group, 'generator', source, convert));
  }
  return { type: 'call', callee: convert(callee), positional, keywords, at };
}

function keyword(group: readonly SyntaxNode[], source: Source, convert: Convert): Keyword {
  const [name, operator, value, more] = group as [SyntaxNode, SyntaxNode, SyntaxNode, SyntaxNode | undefined];
  const at = name.from + source.shift;
  if (textOf(operator, source) !== '=') throw new Refused(operator.from + source.shift, 'rules cannot assign (:=)');
  if (more !== undefined) throw new Refused(value.from + source.shift, 'a generator expression needs parentheses here');
  return { name: textOf(name, source), value: convert(value), at };
}

function splitAtCommas(nodes: readonly SyntaxNode[]): SyntaxNode[][] {
  const groups: SyntaxNode[][] = [[]];
  for (const node of nodes) {
    // A comma between a comprehension's loop names is no separator of arguments.
    const inTargets = groups.at(-1)?.at(-1)?.name !== undefined && openTargets(groups.at(-1) as SyntaxNode[]);
    if (node.name === ',' && !inTargets) groups.push([]);
    else groups.at(-1)?.push(node);
  }
  return groups.filter((group) => group.length > 0);
}

function openTargets(group: readonly SyntaxNode[]): boolean {
  const lastFor = group.findLastIndex((node) => node.name === 'for');
  const lastIn = group.findLastIndex((node) => node.name === 'in');
  return lastFor > lastIn;
}
