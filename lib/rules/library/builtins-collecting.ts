import { NdArray } from '../array/ndarray.ts';
import type { Evaluation } from '../evaluation.ts';
import { Predictions } from '../inputs/predictions.ts';
import { arithmetic } from '../value/arithmetic.ts';
import { compare } from '../value/compare.ts';
import { PyDict, PySet } from '../value/hashed.ts';
import { eachItem, itemsOf, iteratorOf } from '../value/iterate.ts';
import { typeError, valueError } from '../value/py-error.ts';
import { textLength } from '../value/subscript.ts';
import { truth } from '../value/truth.ts';
import { typeName } from '../value/type-name.ts';
import { PyIterator, PyList, PyRange, PyTuple, type Value } from '../value/value.ts';
import { callback, flag, wholeNumber, wholeNumberOr } from './argument.ts';
import { type Arguments, defineFunction, type LibraryFunction } from './function.ts';
import { anyElement, extremeElement, numbersIn, sumElements } from './over-elements.ts';
import { sortValues } from './sort-values.ts';

/** The builtins that read or make collections. */
export const COLLECTING: readonly LibraryFunction[] = [
  defineFunction('len', 'obj, /', ([object], evaluation) => lengthOf(object as Value, evaluation)),
  defineFunction('any', 'iterable, /', ([items], evaluation) => anyItem(items as Value, true, evaluation)),
  defineFunction('all', 'iterable, /', ([items], evaluation) => !anyItem(items as Value, false, evaluation)),
  defineFunction(
    'sum',
    'iterable, /, start=',
    ([items, start], evaluation) => total(items as Value, start ?? 0, evaluation),
    {
      consumes: true,
    },
  ),
  defineFunction('min', '*values, key=, default=', (args, evaluation) => extreme('min', args, evaluation), {
    consumes: true,
  }),
  defineFunction('max', '*values, key=, default=', (args, evaluation) => extreme('max', args, evaluation), {
    consumes: true,
  }),
  defineFunction(
    'sorted',
    'iterable, /, *, key=, reverse=',
    ([items, key, reverse], evaluation) =>
      new PyList(sortValues(itemsOf(items as Value, evaluation), callback(key), flag(reverse), evaluation)),
    { consumes: true },
  ),
  defineFunction('range', '*bounds', ([bounds], evaluation) => rangeOf(bounds as Value, evaluation)),
  defineFunction(
    'enumerate',
    'iterable, start=',
    ([items, start]) =>
      new PyIterator('enumerate', counted(iteratorOf(items as Value), wholeNumberOr(start, 'start', 0))),
  ),
  defineFunction('zip', '*iterables, strict=', ([iterables, strict], evaluation) => {
    const sources = iterables instanceof PyTuple ? iterables.items.map(iteratorOf) : [];
    return new PyIterator('zip', zipped(sources, flag(strict), evaluation));
  }),
];

function lengthOf(value: Value, evaluation: Evaluation): number {
  if (typeof value === 'string') {
    evaluation.read(value);
    return textLength(value);
  }
  if (value instanceof PyList || value instanceof PyTuple) return value.items.length;
  if (value instanceof PyDict || value instanceof PySet || value instanceof Predictions) return value.size;
  if (value instanceof PyRange) return value.length;
  if (value instanceof NdArray) {
    if (value.shape[0] === undefined) throw typeError('len() of unsized object');
    return value.shape[0];
  }
  throw typeError(`object of type '${typeName(value)}' has no len()`);
}

/** Whether any item's truth is the one that decides. */
function anyItem(items: Value, deciding: boolean, evaluation: Evaluation): boolean {
  const array = numbersIn(items);
  return array === undefined
    ? eachItem(items, evaluation, (item) => truth(item) === deciding)
    : anyElement(array, deciding, evaluation);
}

function total(items: Value, start: Value, evaluation: Evaluation): Value {
  if (typeof start === 'string') throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
  const array = numbersIn(items);
  if (array !== undefined && start === 0) return sumElements(array, evaluation);
  let sum: Value = start;
  eachItem(items, evaluation, (item) => {
    sum = arithmetic('+', sum, item, evaluation);
    return false;
  });
  return sum;
}

/** `min` and `max`: of several arguments, or of the items of one. */
function extreme(which: 'min' | 'max', [values, key, otherwise]: Arguments, evaluation: Evaluation): Value {
  const given = values instanceof PyTuple ? values.items : [];
  const [only] = given;
  if (only === undefined) throw typeError(`${which} expected at least 1 argument, got 0`);
  const measure = callback(key);
  const array = given.length === 1 && measure === undefined ? numbersIn(only) : undefined;
  if (array !== undefined) return extremeElement(which, array, evaluation);
  const items = given.length === 1 ? itemsOf(only, evaluation) : given;
  const op = which === 'min' ? '<' : '>';
  let best: Value | undefined;
  let bestMeasure: Value = null;
  for (const item of items) {
    const own = measure === undefined ? item : measure(item, evaluation);
    if (best === undefined || truth(compare(op, own, bestMeasure, evaluation))) {
      best = item;
      bestMeasure = own;
    }
  }
  if (best !== undefined) return best;
  if (otherwise === undefined) throw valueError(`${which}() iterable argument is empty`);
  return otherwise;
}

/** A range takes no memory, but one that could never be walked is refused at once. */
function rangeOf(bounds: Value, evaluation: Evaluation): PyRange {
  const given = bounds instanceof PyTuple ? bounds.items : [];
  if (given.length < 1 || given.length > 3) throw typeError(`range expected 1 to 3 arguments, got ${given.length}`);
  const [first = 0, second, step = 1] = given.map((bound) => wholeNumber(bound, 'a bound of range'));
  if (step === 0) throw valueError('range() arg 3 must not be zero');
  const range = second === undefined ? new PyRange(0, first, 1) : new PyRange(first, second, step);
  if (range.length > evaluation.limits.maxElements) evaluation.take(range.length);
  return range;
}

function* counted(source: Iterator<Value>, start: number): Generator<Value> {
  let count = start;
  for (let next = source.next(); next.done !== true; next = source.next()) yield new PyTuple([count++, next.value]);
}

function* zipped(sources: readonly Iterator<Value>[], strict: boolean, evaluation: Evaluation): Generator<Value> {
  if (sources.length === 0) return;
  for (;;) {
    const items: Value[] = [];
    evaluation.take(sources.length);
    for (const [i, source] of sources.entries()) {
      const next = source.next();
      if (next.done === true) {
        if (strict) checkAllEnded(sources, i);
        return;
      }
      items.push(next.value);
    }
    yield new PyTuple(items);
  }
}

function checkAllEnded(sources: readonly Iterator<Value>[], ended: number): void {
  if (ended > 0)
    throw valueError(`zip() argument ${ended + 1} is shorter than argument ${ended === 1 ? '1' : `1-${ended}`}`);
  for (const [i, source] of sources.slice(1).entries()) {
    if (source.next().done !== true) throw valueError(`zip() argument ${i + 2} is longer than argument 1`);
  }
}
