import { asArray } from '../array/from-values.ts';
import { diff, dot, matmul, norm } from '../array/linear.ts';
import type { Value } from '../value/value.ts';
import { axesOf, flag, wholeNumberOr } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

/** The functions of `np` for products, norms and differences. */
export const LINEAR: readonly LibraryFunction[] = [
  defineFunction('np.dot', 'a, b', ([a, b], evaluation) => dot(a as Value, b as Value, evaluation)),
  defineFunction('np.matmul', 'x1, x2, /', ([a, b], evaluation) => matmul(a as Value, b as Value, evaluation)),
  defineFunction('np.linalg.norm', 'x, ord=, axis=, keepdims=', ([x, ord, axis, keepdims], evaluation) =>
    norm(asArray(x as Value, evaluation), ord ?? null, { axes: axesOf(axis), keepdims: flag(keepdims) }, evaluation),
  ),
  defineFunction('np.diff', 'a, n=, axis=', ([a, n, axis], evaluation) =>
    diff(asArray(a as Value, evaluation), wholeNumberOr(n, 'n', 1), wholeNumberOr(axis, 'axis', -1), evaluation),
  ),
];
