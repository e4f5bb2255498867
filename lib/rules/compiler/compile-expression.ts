import { indexArray } from '../array/indexing.ts';
import { NdArray } from '../array/ndarray.ts';
import type { Expression, Items, Slice, Subscript } from '../language/syntax.ts';
import { PyDict, PySet } from '../value/hashed.ts';
import { subscript } from '../value/subscript.ts';
import { PyList, PySlice, PyTuple, type Value } from '../value/value.ts';
import { compileAttribute } from './compile-attribute.ts';
import { compileCall } from './compile-call.ts';
import { compileComparison } from './compile-comparison.ts';
import { compileComprehension } from './compile-comprehension.ts';
import { compileFormat } from './compile-format.ts';
import { compileName } from './compile-name.ts';
import { compileBinary, compileConditional, compileLogical, compileUnary } from './compile-operator.ts';
import type { Emitter, Run } from './emitter.ts';

/** Compiles one expression to a closure; what the language does not allow is noted with the emitter. */
export function compileExpression(expression: Expression, emitter: Emitter): Run {
  switch (expression.type) {
    case 'constant': {
      const { value } = expression;
      return () => value;
    }
    case 'name':
      return compileName(expression, emitter);
    case 'attribute':
      return compileAttribute(expression, emitter);
    case 'subscript':
      return compileSubscript(expression, emitter);
    case 'slice':
      return compileSlice(expression, emitter);
    case 'call':
      return compileCall(expression, emitter);
    case 'unary':
      return compileUnary(expression, emitter);
    case 'binary':
      return compileBinary(expression, emitter);
    case 'comparison':
      return compileComparison(expression, emitter);
    case 'logical':
      return compileLogical(expression, emitter);
    case 'conditional':
      return compileConditional(expression, emitter);
    case 'dict':
      return compileDict(expression, emitter);
    case 'comprehension':
      return compileComprehension(expression, emitter);
    case 'format':
      return compileFormat(expression, emitter);
    default:
      return compileItems(expression, emitter);
  }
}

function compileItems(expression: Items, emitter: Emitter): Run {
  const runs = expression.items.map((item) => emitter.emit(item));
  const { type, at } = expression;
  if (type === 'list') return (evaluation) => new PyList(runs.map((run) => run(evaluation)));
  if (type === 'tuple') return (evaluation) => new PyTuple(runs.map((run) => run(evaluation)));
  return (evaluation) => {
    const items = runs.map((run) => run(evaluation));
    evaluation.at = at;
    return new PySet(items);
  };
}

function compileDict(expression: Extract<Expression, { type: 'dict' }>, emitter: Emitter): Run {
  const entries = expression.entries.map(([key, value]) => [emitter.emit(key), emitter.emit(value)] as const);
  const { at } = expression;
  return (evaluation) => {
    const dict = new PyDict();
    for (const [keyRun, valueRun] of entries) {
      const key = keyRun(evaluation);
      const value = valueRun(evaluation);
      evaluation.at = at;
      dict.set(key, value);
    }
    return dict;
  };
}

function compileSubscript(expression: Subscript, emitter: Emitter): Run {
  const object = emitter.emit(expression.object);
  const { at } = expression;
  if (expression.key.type === 'constant') return constantSubscript(object, expression.key.value, at);
  const key = emitter.emit(expression.key);
  return (evaluation) => {
    const held = object(evaluation);
    const index = key(evaluation);
    evaluation.at = at;
    return subscript(held, index, evaluation);
  };
}

function constantSubscript(object: Run, key: Value, at: number): Run {
  return (evaluation) => {
    const held = object(evaluation);
    evaluation.at = at;
    return held instanceof NdArray ? indexArray(held, key, evaluation) : subscript(held, key, evaluation);
  };
}

function compileSlice(expression: Slice, emitter: Emitter): Run {
  const [lower, upper, step] = [expression.lower, expression.upper, expression.step].map((bound) =>
    bound === undefined ? absent : emitter.emit(bound),
  ) as [Run, Run, Run];
  return (evaluation) => new PySlice(lower(evaluation), upper(evaluation), step(evaluation));
}

function absent(): Value {
  return null;
}
