import type { Evaluation } from '../evaluation.ts';
import type { Clause, Comprehension, Target } from '../language/syntax.ts';
import { PyDict, PySet } from '../value/hashed.ts';
import { eachItem, itemsOf, iteratorOf } from '../value/iterate.ts';
import { PyError, typeError, valueError } from '../value/py-error.ts';
import { truth } from '../value/truth.ts';
import { typeName } from '../value/type-name.ts';
import { PyIterator, PyList, type Value } from '../value/value.ts';
import type { Emitter, Run } from './emitter.ts';

/** Runs a comprehension's loops, calling `visit` at each turn until it answers true; answers whether it did. */
export type Drive = (evaluation: Evaluation, visit: () => boolean) => boolean;

type Assign = (evaluation: Evaluation, item: Value) => void;

interface Level {
  readonly iterable: Run;
  readonly assign: Assign;
  readonly conditions: readonly Run[];
  readonly at: number;
}

interface Loop {
  readonly levels: readonly Level[];
  readonly drive: Drive;
  /** Steps that each turn costs. */
  readonly cost: number;
  readonly element: Run;
  readonly value: Run | undefined;
}

/** A comprehension as a loop that another function turns, with its element. */
export function compileLoop(comprehension: Comprehension, emitter: Emitter): Loop {
  const before = emitter.parts;
  const [outermost] = comprehension.clauses as [Clause];
  // The outermost iterable belongs to the expression around: it does not see the loop's variables.
  const first = emitter.emit(outermost.iterable);
  emitter.openScope();
  const levels = comprehension.clauses.map((clause, i): Level => {
    const iterable = i === 0 ? first : emitter.emit(clause.iterable);
    const assign = compileTarget(clause.target, emitter);
    return {
      iterable,
      assign,
      conditions: clause.conditions.map((test) => emitter.emit(test)),
      at: clause.iterable.at,
    };
  });
  const element = emitter.emit(comprehension.element);
  const value = comprehension.value === undefined ? undefined : emitter.emit(comprehension.value);
  emitter.closeScope();
  const cost = emitter.parts - before;
  return { levels, drive: driveFrom(levels, 0, cost), cost, element, value };
}

/** The nested loops from one level inwards; each turn of any costs the parts of the whole comprehension. */
function driveFrom(levels: readonly Level[], depth: number, cost: number): Drive {
  const level = levels[depth] as Level;
  const { iterable, assign, conditions, at } = level;
  const inner = depth + 1 < levels.length ? driveFrom(levels, depth + 1, cost) : undefined;
  return (evaluation, visit) => {
    const items = iterable(evaluation);
    evaluation.at = at;
    const turn = (item: Value): boolean => {
      assign(evaluation, item);
      for (const condition of conditions) if (!truth(condition(evaluation))) return false;
      return inner === undefined ? visit() : inner(evaluation, visit);
    };
    return eachItem(items, evaluation, turn, cost + 1);
  };
}

function compileTarget(target: Target, emitter: Emitter): Assign {
  if (target.type === 'name') {
    if (target.id.startsWith('_') && target.id !== '_') {
      emitter.refuse(
        target.at,
        `'${target.id.slice(0, 40)}': names that begin with an underscore are not open to rules`,
      );
    }
    const slot = emitter.declare(target.id);
    return (evaluation, item) => {
      evaluation.slots[slot] = item;
    };
  }
  const parts = target.items.map((part) => compileTarget(part, emitter));
  return (evaluation, item) => {
    const items = unpack(item, parts.length, evaluation);
    parts.forEach((assign, i) => {
      assign(evaluation, items[i] as Value);
    });
  };
}

function unpack(item: Value, count: number, evaluation: Evaluation): readonly Value[] {
  const items = unpackable(item, evaluation);
  if (items.length < count) throw valueError(`not enough values to unpack (expected ${count}, got ${items.length})`);
  if (items.length > count) throw valueError(`too many values to unpack (expected ${count})`);
  return items;
}

function unpackable(item: Value, evaluation: Evaluation): readonly Value[] {
  try {
    return itemsOf(item, evaluation);
  } catch (thrown) {
    if (thrown instanceof PyError && thrown.pyClass === 'TypeError')
      throw typeError(`cannot unpack non-iterable ${typeName(item)} object`);
    throw thrown;
  }
}

/** A comprehension or generator expression as a value. */
export function compileComprehension(comprehension: Comprehension, emitter: Emitter): Run {
  const loop = compileLoop(comprehension, emitter);
  const { drive, element, value } = loop;
  if (comprehension.kind === 'generator') return generatorOf(loop);
  if (comprehension.kind === 'dict' && value !== undefined) {
    return (evaluation) => {
      const dict = new PyDict();
      drive(evaluation, () => {
        const key = element(evaluation);
        dict.set(key, value(evaluation));
        return false;
      });
      return dict;
    };
  }
  const asList = comprehension.kind === 'list';
  return (evaluation) => {
    const items: Value[] = [];
    const set = new PySet();
    drive(evaluation, () => {
      const item = element(evaluation);
      if (asList) items.push(item);
      else set.add(item);
      return false;
    });
    return asList ? new PyList(items) : set;
  };
}

/** A generator that is handed on: it runs piece by piece, when whoever holds it asks. */
function generatorOf(loop: Loop): Run {
  const [outermost] = loop.levels as [Level];
  return (evaluation) => {
    const items = outermost.iterable(evaluation);
    evaluation.at = outermost.at;
    return new PyIterator('generator', pull(loop, 0, items, [], evaluation));
  };
}

function* pull(
  loop: Loop,
  depth: number,
  items: Value,
  outer: readonly Value[],
  evaluation: Evaluation,
): Generator<Value> {
  const { assign, conditions } = loop.levels[depth] as Level;
  const cost = loop.cost + 1;
  const iterator = iteratorOf(items);
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    evaluation.spend(cost);
    // Another generator of the same expression may have run in between, and used the same places.
    outer.forEach((item, i) => {
      (loop.levels[i] as Level).assign(evaluation, item);
    });
    assign(evaluation, next.value);
    if (!conditions.every((condition) => truth(condition(evaluation)))) continue;
    const deeper = loop.levels[depth + 1];
    if (deeper === undefined) yield loop.element(evaluation);
    else yield* pull(loop, depth + 1, deeper.iterable(evaluation), [...outer, next.value], evaluation);
  }
}
