import { arrayArithmetic } from '../array/binary.ts';
import { BOOL } from '../array/dtype.ts';
import { clip, extremum, nanToNum, roundDecimals, where } from '../array/elementwise.ts';
import { type Elementwise, floatFunction, mapElements, predicate, sameTypeFunction } from '../array/unary.ts';
import { typeError } from '../value/py-error.ts';
import type { Value } from '../value/value.ts';
import { wholeNumberOr } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

function map(elementwise: Elementwise): LibraryFunction {
  return defineFunction(`np.${elementwise.name}`, 'x, /', ([x], evaluation) =>
    mapElements(elementwise, x as Value, evaluation),
  );
}

/** Whole types stay as they are, booleans are refused. */
function refuseBool(name: string, elementwise: Elementwise): Elementwise {
  return {
    ...elementwise,
    result: (dtype) => {
      if (dtype === BOOL) throw typeError(`np.${name} is not supported for booleans`);
      return elementwise.result(dtype);
    },
  };
}

/** The functions of `np` that work on each element. */
export const ELEMENTWISE: readonly LibraryFunction[] = [
  map(sameTypeFunction('abs', Math.abs)),
  map(floatFunction('sqrt', Math.sqrt)),
  map(floatFunction('exp', Math.exp)),
  map(floatFunction('log', Math.log)),
  map(floatFunction('log1p', Math.log1p)),
  map(predicate('isnan', Number.isNaN)),
  map(predicate('isfinite', Number.isFinite)),
  map(sameTypeFunction('floor', Math.floor)),
  map(sameTypeFunction('ceil', Math.ceil)),
  map(
    refuseBool(
      'sign',
      sameTypeFunction('sign', (x) => Math.sign(x) + 0),
    ),
  ),
  defineFunction('np.power', 'x1, x2, /', ([a, b], evaluation) =>
    arrayArithmetic('**', a as Value, b as Value, evaluation),
  ),
  defineFunction('np.maximum', 'x1, x2, /', ([a, b], evaluation) =>
    extremum('max', a as Value, b as Value, evaluation),
  ),
  defineFunction('np.minimum', 'x1, x2, /', ([a, b], evaluation) =>
    extremum('min', a as Value, b as Value, evaluation),
  ),
  defineFunction('np.clip', 'a, a_min=, a_max=, *, min=, max=', ([a, low, high, min, max], evaluation) =>
    clip(a as Value, low ?? min ?? null, high ?? max ?? null, evaluation),
  ),
  defineFunction('np.where', 'condition, x=, y=, /', ([condition, x, y], evaluation) =>
    where(condition as Value, x, y, evaluation),
  ),
  defineFunction('np.round', 'a, decimals=', ([a, decimals], evaluation) =>
    roundDecimals(a as Value, wholeNumberOr(decimals, 'decimals', 0), evaluation),
  ),
  defineFunction('np.nan_to_num', 'x, *, nan=, posinf=, neginf=', ([x, nan, high, low], evaluation) =>
    nanToNum(x as Value, { nan, high, low }, evaluation),
  ),
];
