import type { SyntaxNode } from '@lezer/common';
import { Refused } from './refusal.ts';
import type { ComparisonOp, Expression } from './syntax.ts';
import { type Convert, childrenOf, type Source, textOf } from './tree.ts';

/**
 * `not`, `and`, `or` and comparisons. The grammar reads `not a and b` as `not (a and b)`, which Python does not; so a
 * chain of these operators is laid out flat, in the order of the source, and put together again by Python's precedence.
 */
export function convertBoolean(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const tokens: Token[] = [];
  layOut(node, source, tokens);
  const reader: Reader = { tokens, next: 0, source, convert };
  const expression = readOr(reader);
  const left = reader.tokens[reader.next];
  if (left !== undefined) throw new Refused(left.at, 'this operator needs an expression before it');
  return expression;
}

/** Whether a node is one of `not`, `and`, `or` or a comparison. */
export function isBooleanNode(node: SyntaxNode): boolean {
  const operator = node.name === 'UnaryExpression' ? node.firstChild : node.firstChild?.nextSibling;
  return operator !== null && operator !== undefined && BOOLEAN_OPERATORS.has(operator.name);
}

const BOOLEAN_OPERATORS = new Set(['and', 'or', 'not', 'in', 'is', 'CompareOp']);

type Token = { readonly at: number } & (
  | { readonly operand: SyntaxNode }
  | { readonly operator: string; readonly operand?: undefined }
);

interface Reader {
  readonly tokens: readonly Token[];
  next: number;
  readonly source: Source;
  readonly convert: Convert;
}

function layOut(node: SyntaxNode, source: Source, out: Token[]): void {
  const compound = node.name === 'BinaryExpression' || node.name === 'UnaryExpression';
  if (!compound || !isBooleanNode(node)) {
    out.push({ operand: node, at: node.from + source.shift });
    return;
  }
  // The left side of a chain is as deep as the chain is long: walked in a loop, not by recursion.
  const spine: SyntaxNode[] = [];
  let leftmost = node;
  while (leftmost.name === 'BinaryExpression' && isBooleanNode(leftmost)) {
    spine.push(leftmost);
    leftmost = leftmost.firstChild as SyntaxNode;
  }
  if (spine.length === 0) pushNot(node, source, out);
  else layOut(leftmost, source, out);
  for (const binary of spine.reverse()) {
    const [, ...rest] = childrenOf(binary);
    const right = rest.at(-1) as SyntaxNode;
    const operator = rest
      .slice(0, -1)
      .map((part) => textOf(part, source))
      .join(' ');
    out.push({ operator, at: (rest[0] as SyntaxNode).from + source.shift });
    layOut(right, source, out);
  }
}

function pushNot(node: SyntaxNode, source: Source, out: Token[]): void {
  out.push({ operator: 'not', at: node.from + source.shift });
  layOut(node.lastChild as SyntaxNode, source, out);
}

function peek(reader: Reader): string | undefined {
  const token = reader.tokens[reader.next];
  return token === undefined || token.operand !== undefined ? undefined : token.operator;
}

function readOr(reader: Reader): Expression {
  return readChain(reader, 'or', readAnd);
}

function readAnd(reader: Reader): Expression {
  return readChain(reader, 'and', readNot);
}

function readChain(reader: Reader, op: 'and' | 'or', read: (reader: Reader) => Expression): Expression {
  const first = read(reader);
  const operands = [first];
  while (peek(reader) === op) {
    reader.next++;
    operands.push(read(reader));
  }
  return operands.length === 1 ? first : { type: 'logical', op, operands, at: first.at };
}

function readNot(reader: Reader): Expression {
  const places: number[] = [];
  while (peek(reader) === 'not') {
    places.push((reader.tokens[reader.next] as Token).at);
    reader.next++;
  }
  let expression = readComparison(reader);
  if (places.length > reader.source.limits.maxNesting) {
    throw new Refused(places[0] as number, `an expression may nest ${reader.source.limits.maxNesting} deep`);
  }
  for (const at of places.reverse()) expression = { type: 'unary', op: 'not', operand: expression, at };
  return expression;
}

function readComparison(reader: Reader): Expression {
  const first = readOperand(reader);
  const links: { op: ComparisonOp; right: Expression; at: number }[] = [];
  for (let op = peek(reader); op !== undefined && op !== 'and' && op !== 'or' && op !== 'not'; op = peek(reader)) {
    const at = (reader.tokens[reader.next] as Token).at;
    reader.next++;
    links.push({ op: comparisonOp(op, at), right: readOperand(reader), at });
  }
  return links.length === 0 ? first : { type: 'comparison', first, links, at: first.at };
}

function comparisonOp(text: string, at: number): ComparisonOp {
  const op = COMPARISONS.find((known) => known === text);
  if (op === undefined) throw new Refused(at, `'${text}' is not an operator of Python's`);
  return op;
}

const COMPARISONS: readonly ComparisonOp[] = ['<', '<=', '>', '>=', '==', '!=', 'in', 'not in', 'is', 'is not'];

function readOperand(reader: Reader): Expression {
  const token = reader.tokens[reader.next];
  if (token?.operand === undefined) {
    throw new Refused(token?.at ?? 0, "'not' after a comparison needs parentheses: a == (not b)");
  }
  reader.next++;
  return reader.convert(token.operand);
}
