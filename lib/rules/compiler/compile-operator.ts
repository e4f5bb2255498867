import type { Binary, Conditional, Logical, Unary } from '../language/syntax.ts';
import { arithmetic } from '../value/arithmetic.ts';
import { truth } from '../value/truth.ts';
import { unary } from '../value/unary.ts';
import type { Value } from '../value/value.ts';
import type { Emitter, Run } from './emitter.ts';

export function compileUnary(expression: Unary, emitter: Emitter): Run {
  const operand = emitter.emit(expression.operand);
  const { op, at } = expression;
  if (op === 'not') {
    return (evaluation) => {
      const held = operand(evaluation);
      evaluation.at = at;
      return !truth(held);
    };
  }
  return (evaluation) => {
    const held = operand(evaluation);
    evaluation.at = at;
    return unary(op, held, evaluation);
  };
}

export function compileBinary(expression: Binary, emitter: Emitter): Run {
  const left = emitter.emit(expression.left);
  const right = emitter.emit(expression.right);
  const { op, at } = expression;
  return (evaluation) => {
    const x = left(evaluation);
    const y = right(evaluation);
    evaluation.at = at;
    return arithmetic(op, x, y, evaluation);
  };
}

/** `and` and `or`: the first operand that decides, else the last; the rest is not evaluated. */
export function compileLogical(expression: Logical, emitter: Emitter): Run {
  const operands = expression.operands.map((operand) => emitter.emit(operand));
  const places = expression.operands.map((operand) => operand.at);
  const deciding = expression.op === 'or';
  const last = operands.length - 1;
  return (evaluation) => {
    let held: Value = null;
    for (let i = 0; i <= last; i++) {
      held = (operands[i] as Run)(evaluation);
      if (i === last) break;
      evaluation.at = places[i] as number;
      if (truth(held) === deciding) break;
    }
    return held;
  };
}

export function compileConditional(expression: Conditional, emitter: Emitter): Run {
  const test = emitter.emit(expression.test);
  const yes = emitter.emit(expression.yes);
  const no = emitter.emit(expression.no);
  const { at } = expression.test;
  return (evaluation) => {
    const held = test(evaluation);
    evaluation.at = at;
    return truth(held) ? yes(evaluation) : no(evaluation);
  };
}
