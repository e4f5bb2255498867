import { asArray } from '../array/from-values.ts';
import {
  ALL,
  ANY,
  ARGMAX,
  ARGMIN,
  COUNT_NONZERO,
  MAX,
  MEAN,
  MIN,
  PROD,
  type Reduction,
  reduce,
  SUM,
  variance,
} from '../array/reduce.ts';
import { numberValue } from '../value/number-value.ts';
import type { Value } from '../value/value.ts';
import { axesOf, axisOf, flag } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

function overAxes(name: string, reduction: Reduction): LibraryFunction {
  return defineFunction(`np.${name}`, 'a, axis=, *, keepdims=', ([a, axis, keepdims], evaluation) =>
    reduce(reduction, asArray(a as Value, evaluation), { axes: axesOf(axis), keepdims: flag(keepdims) }, evaluation),
  );
}

/** `argmax` and `argmin` take one axis, or none for the position in the flattened array. */
function overOneAxis(name: string, reduction: Reduction): LibraryFunction {
  return defineFunction(`np.${name}`, 'a, axis=, *, keepdims=', ([a, axis, keepdims], evaluation) => {
    const one = axisOf(axis);
    const axes = one === undefined ? undefined : [one];
    return reduce(reduction, asArray(a as Value, evaluation), { axes, keepdims: flag(keepdims) }, evaluation);
  });
}

function spread(name: string, root: boolean): LibraryFunction {
  return defineFunction(`np.${name}`, 'a, axis=, *, ddof=, keepdims=', ([a, axis, ddof, keepdims], evaluation) => {
    const reduction = variance(ddof === undefined ? 0 : numberValue(ddof, 'ddof'), root);
    return reduce(
      reduction,
      asArray(a as Value, evaluation),
      { axes: axesOf(axis), keepdims: flag(keepdims) },
      evaluation,
    );
  });
}

/** The functions of `np` from many elements to one. */
export const REDUCTIONS: readonly LibraryFunction[] = [
  overAxes('sum', SUM),
  overAxes('prod', PROD),
  overAxes('mean', MEAN),
  overAxes('min', MIN),
  overAxes('max', MAX),
  overAxes('any', ANY),
  overAxes('all', ALL),
  overAxes('count_nonzero', COUNT_NONZERO),
  overOneAxis('argmax', ARGMAX),
  overOneAxis('argmin', ARGMIN),
  spread('std', true),
  spread('var', false),
];
