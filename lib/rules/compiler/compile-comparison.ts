import { FLOAT32, FLOAT64, INT64 } from '../array/dtype.ts';
import { NpScalar, npBool } from '../array/ndarray.ts';
import type { CompareOp } from '../array/scalar-operation.ts';
import { compareNumbers } from '../array/scalar-operation.ts';
import type { Evaluation } from '../evaluation.ts';
import type { Comparison, ComparisonOp, Expression } from '../language/syntax.ts';
import { compare, contains } from '../value/compare.ts';
import { truth } from '../value/truth.ts';
import { PyFloat, type Value } from '../value/value.ts';
import type { Emitter, Run } from './emitter.ts';

type Compare = (left: Value, right: Value, evaluation: Evaluation) => Value;

/** A chain of comparisons: each operand is evaluated once, and none after a link that is false. */
export function compileComparison(comparison: Comparison, emitter: Emitter): Run {
  const first = emitter.emit(comparison.first);
  const [only] = comparison.links;
  let leftSide = comparison.first;
  const links = comparison.links.map((link) => {
    checkIdentity(link.op, leftSide, link.right, link.at, emitter);
    leftSide = link.right;
    return { op: comparer(link.op), right: emitter.emit(link.right), at: link.at };
  });
  const [link] = links;
  if (only !== undefined && link !== undefined && links.length === 1) {
    const fast = only.right.type === 'constant' ? withConstant(first, only.op, only.right.value, only.at) : undefined;
    return fast ?? single(first, link.op, link.right, link.at);
  }
  return (evaluation) => {
    let left = first(evaluation);
    let result: Value = true;
    for (let i = 0; i < links.length; i++) {
      const { op, right, at } = links[i] as (typeof links)[number];
      const held = right(evaluation);
      evaluation.at = at;
      result = op(left, held, evaluation);
      if (i === links.length - 1 || !truth(result)) return result;
      left = held;
    }
    return result;
  };
}

function single(first: Run, op: Compare, second: Run, at: number): Run {
  return (evaluation) => {
    const left = first(evaluation);
    const right = second(evaluation);
    evaluation.at = at;
    return op(left, right, evaluation);
  };
}

/** Comparison with a literal, the shape of nearly every rule: a number beside an array's element, or equal text. */
function withConstant(first: Run, op: ComparisonOp, constant: Value, at: number): Run | undefined {
  const number = constant instanceof PyFloat ? constant.value : constant;
  if (typeof number === 'number' && isOrder(op)) {
    const wide = number;
    const narrow = Math.fround(wide);
    return (evaluation) => {
      const left = first(evaluation);
      if (left instanceof NpScalar) {
        if (left.dtype === FLOAT32) return npBool(compareNumbers(op, left.value, narrow));
        if (left.dtype === FLOAT64 || left.dtype === INT64) return npBool(compareNumbers(op, left.value, wide));
      }
      evaluation.at = at;
      return compare(op, left, constant, evaluation);
    };
  }
  if (typeof constant !== 'string' || op !== '==') return undefined;
  return (evaluation) => {
    const left = first(evaluation);
    if (typeof left === 'string') return left === constant;
    evaluation.at = at;
    return compare(op, left, constant, evaluation);
  };
}

function isOrder(op: ComparisonOp): op is CompareOp {
  return op !== 'in' && op !== 'not in' && op !== 'is' && op !== 'is not';
}

function comparer(op: ComparisonOp): Compare {
  switch (op) {
    case 'in':
      return (left, right, evaluation) => contains(right, left, evaluation);
    case 'not in':
      return (left, right, evaluation) => !contains(right, left, evaluation);
    case 'is':
      return (left, right) => left === right;
    case 'is not':
      return (left, right) => left !== right;
    default:
      return (left, right, evaluation) => compare(op, left, right, evaluation);
  }
}

/** Which objects are one is Python's own affair for all but None, True and False. */
function checkIdentity(op: ComparisonOp, left: Expression, right: Expression, at: number, emitter: Emitter): void {
  if (op !== 'is' && op !== 'is not') return;
  const isSingle = (side: Expression) =>
    side.type === 'constant' && (side.value === null || typeof side.value === 'boolean');
  if (!isSingle(left) && !isSingle(right)) {
    emitter.refuse(at, `'${op}' compares with None, True or False only`, op === 'is' ? '==' : '!=');
  }
}
