import { asArray } from '../array/from-values.ts';
import type { NdArray } from '../array/ndarray.ts';
import { concatenate, reshape, squeeze, stack, transpose } from '../array/shape.ts';
import type { Evaluation } from '../evaluation.ts';
import { itemsOf } from '../value/iterate.ts';
import type { Value } from '../value/value.ts';
import { axesOf, axisOf, shapeOf, wholeNumberOr } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

/** The functions of `np` that rearrange elements. */
export const SHAPING: readonly LibraryFunction[] = [
  defineFunction('np.squeeze', 'a, axis=', ([a, axis], evaluation) =>
    squeeze(asArray(a as Value, evaluation), axesOf(axis)),
  ),
  defineFunction('np.ravel', 'a', ([a], evaluation) => {
    const array = asArray(a as Value, evaluation);
    return reshape(array, [array.size]);
  }),
  defineFunction('np.reshape', 'a, shape', ([a, shape], evaluation) =>
    reshape(asArray(a as Value, evaluation), shapeOf(shape)),
  ),
  defineFunction('np.transpose', 'a, axes=', ([a, axes], evaluation) =>
    transpose(
      asArray(a as Value, evaluation),
      axes === undefined || axes === null ? undefined : shapeOf(axes),
      evaluation,
    ),
  ),
  defineFunction('np.concatenate', 'arrays, /, axis=', ([arrays, axis], evaluation) =>
    concatenate(arraysOf(arrays as Value, evaluation), axis === undefined ? 0 : axisOf(axis), evaluation),
  ),
  defineFunction('np.stack', 'arrays, axis=', ([arrays, axis], evaluation) =>
    stack(arraysOf(arrays as Value, evaluation), wholeNumberOr(axis, 'axis', 0), evaluation),
  ),
];

function arraysOf(value: Value, evaluation: Evaluation): NdArray[] {
  return itemsOf(value, evaluation).map((item) => asArray(item, evaluation));
}
