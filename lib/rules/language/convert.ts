import type { SyntaxNode } from '@lezer/common';
import type { ArithmeticOp } from '../array/scalar-operation.ts';
import type { UnaryOp } from '../value/unary.ts';
import { ELLIPSIS } from '../value/value.ts';
import { convertBoolean, isBooleanNode } from './convert-boolean.ts';
import { convertCall } from './convert-call.ts';
import { convertComprehension } from './convert-comprehension.ts';
import { convertDict, convertItems, convertSeparated, convertSubscript } from './convert-items.ts';
import { convertStrings } from './convert-strings.ts';
import { readNumber } from './literals.ts';
import { Refused } from './refusal.ts';
import type { Expression } from './syntax.ts';
import { type Convert, childrenOf, type Source, textOf } from './tree.ts';

/** The expression of an ExpressionStatement; several of them, separated by commas, are a tuple. */
export function toExpression(statement: SyntaxNode, source: Source): Expression {
  return convertSeparated(childrenOf(statement), source, converterAt(0, source), statement);
}

function converterAt(depth: number, source: Source): Convert {
  return (node) => {
    if (depth >= source.limits.maxNesting) {
      throw new Refused(node.from + source.shift, `an expression may nest ${source.limits.maxNesting} deep`);
    }
    return convertNode(node, source, converterAt(depth + 1, source));
  };
}

const REFUSED: Readonly<Record<string, string>> = {
  LambdaExpression: 'rules have no lambda; write a comprehension',
  NamedExpression: 'rules cannot assign (:=)',
  AwaitExpression: 'rules have no await',
  YieldExpression: 'rules have no yield',
  '*': 'rules have no starred expressions',
  '**': 'rules have no double-starred expressions',
};

function convertNode(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const at = node.from + source.shift;
  switch (node.name) {
    case 'Number':
      return { type: 'constant', value: readNumber(textOf(node, source), at), at };
    case 'String':
    case 'FormatString':
    case 'ContinuedString':
      return convertStrings(node, source, convert);
    case 'Boolean':
      return { type: 'constant', value: textOf(node, source) === 'True', at };
    case 'None':
      return { type: 'constant', value: null, at };
    case 'Ellipsis':
      return { type: 'constant', value: ELLIPSIS, at };
    case 'VariableName':
      return { type: 'name', id: textOf(node, source), at };
    case 'ParenthesizedExpression':
      return convertParenthesized(node, source, convert);
    case 'TupleExpression':
      return { type: 'tuple', items: convertItems(childrenOf(node), source, convert), at };
    case 'ArrayExpression':
      return { type: 'list', items: convertItems(childrenOf(node), source, convert), at };
    case 'SetExpression':
      return { type: 'set', items: convertItems(childrenOf(node), source, convert), at };
    case 'DictionaryExpression':
      return { type: 'dict', entries: convertDict(node, source, convert), at };
    case 'ComprehensionExpression':
    case 'ArrayComprehensionExpression':
    case 'SetComprehensionExpression':
    case 'DictionaryComprehensionExpression':
      return convertComprehension(node, source, convert);
    case 'CallExpression':
      return convertCall(node, source, convert);
    case 'MemberExpression':
      return convertMember(node, source, convert);
    case 'ConditionalExpression':
      return convertConditional(node, source, convert);
    case 'UnaryExpression':
    case 'BinaryExpression':
      return isBooleanNode(node) ? convertBoolean(node, source, convert) : convertOperator(node, source, convert);
    default:
      throw new Refused(
        at,
        REFUSED[node.name] ?? `rules do not have ${JSON.stringify(textOf(node, source).slice(0, 20))} here`,
      );
  }
}

function convertParenthesized(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const inner = childrenOf(node).filter((child) => child.name !== '(' && child.name !== ')');
  const [first] = inner;
  if (first === undefined) throw new Refused(node.from + source.shift, 'the parentheses are empty');
  return convert(first);
}

function convertMember(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const [object, ...rest] = childrenOf(node) as [SyntaxNode, ...SyntaxNode[]];
  const property = rest.at(-1);
  if (property?.name === 'PropertyName') {
    return {
      type: 'attribute',
      object: convert(object),
      name: textOf(property, source),
      at: property.from + source.shift,
    };
  }
  return convertSubscript(object, rest, source, convert);
}

function convertConditional(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const [yes, , test, , no] = childrenOf(node) as [SyntaxNode, SyntaxNode, SyntaxNode, SyntaxNode, SyntaxNode];
  return {
    type: 'conditional',
    yes: convert(yes),
    test: convert(test),
    no: convert(no),
    at: node.from + source.shift,
  };
}

function convertOperator(node: SyntaxNode, source: Source, convert: Convert): Expression {
  const children = childrenOf(node);
  if (node.name === 'UnaryExpression') {
    const [operator, operand] = children as [SyntaxNode, SyntaxNode];
    return {
      type: 'unary',
      op: textOf(operator, source) as UnaryOp,
      operand: convert(operand),
      at: node.from + source.shift,
    };
  }
  const [left, operator, right] = children as [SyntaxNode, SyntaxNode, SyntaxNode];
  return {
    type: 'binary',
    op: textOf(operator, source) as ArithmeticOp,
    left: convert(left),
    right: convert(right),
    at: operator.from + source.shift,
  };
}
