import type { SyntaxNode } from '@lezer/common';
import type { RuleLimits } from '../limits.ts';
import type { Expression } from './syntax.ts';

/** What the conversion of every node needs to know. */
export interface Source {
  readonly source: string;
  /** What to add to a node's offset to get its offset in the rule as it was given. */
  readonly shift: number;
  readonly limits: RuleLimits;
}

/** Converts one node of the grammar's tree, its depth counted. */
export type Convert = (node: SyntaxNode) => Expression;

export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'Comment') children.push(child);
  }
  return children;
}

export function textOf(node: SyntaxNode, source: Source): string {
  return source.source.slice(node.from, node.to);
}
