import { castNumber, castTo } from '../array/cast.ts';
import { type DType, FLOAT32, FLOAT64, INT64 } from '../array/dtype.ts';
import { asArray } from '../array/from-values.ts';
import { arange, filled, linspace } from '../array/make.ts';
import { NpScalar, unwrapped } from '../array/ndarray.ts';
import { asIndex } from '../value/index.ts';
import { numberValue } from '../value/number-value.ts';
import { typeError } from '../value/py-error.ts';
import { PyTuple, type Value } from '../value/value.ts';
import { dtypeOf, flag, shapeOf, wholeNumberOr } from './argument.ts';
import { defineFunction, type LibraryFunction } from './function.ts';

/** `np.float32(x)` and its like: a scalar of a scalar, an array of an array. */
function scalarType(dtype: DType): LibraryFunction {
  return defineFunction(`np.${dtype.name}`, 'x=, /', ([x], evaluation) => {
    if (x === undefined) return new NpScalar(dtype, 0);
    if (x instanceof NpScalar) return new NpScalar(dtype, castNumber(x.value, x.dtype, dtype));
    return unwrapped(castTo(asArray(x, evaluation), dtype, evaluation));
  });
}

/** The functions of `np` that make arrays and scalars. */
export const MAKING: readonly LibraryFunction[] = [
  defineFunction('np.array', 'object, dtype=', ([object, dtype], evaluation) =>
    asArray(object as Value, evaluation, dtypeOf(dtype)),
  ),
  defineFunction('np.zeros', 'shape, dtype=', ([shape, dtype], evaluation) =>
    filled(shapeOf(shape), dtypeOf(dtype) ?? FLOAT64, 0, evaluation),
  ),
  defineFunction('np.ones', 'shape, dtype=', ([shape, dtype], evaluation) =>
    filled(shapeOf(shape), dtypeOf(dtype) ?? FLOAT64, 1, evaluation),
  ),
  defineFunction('np.arange', '*bounds, dtype=', ([bounds, dtype], evaluation) => {
    const given = bounds instanceof PyTuple ? bounds.items : [];
    if (given.length < 1 || given.length > 3) throw typeError(`arange() takes 1 to 3 numbers, got ${given.length}`);
    const whole = given.every((bound) => asIndex(bound) !== undefined);
    const numbers = given.map((bound) => numberValue(bound, 'a bound of arange'));
    const [first = 0, second, step = 1] = numbers;
    const [start, stop] = second === undefined ? [0, first] : [first, second];
    return arange(start, stop, step, dtypeOf(dtype) ?? (whole ? INT64 : FLOAT64), evaluation);
  }),
  defineFunction(
    'np.linspace',
    'start, stop, num=, endpoint=, *, dtype=',
    ([start, stop, num, endpoint, dtype], evaluation) =>
      linspace(
        numberValue(start as Value, 'start'),
        numberValue(stop as Value, 'stop'),
        wholeNumberOr(num, 'num', 50),
        endpoint === undefined || flag(endpoint),
        dtypeOf(dtype) ?? FLOAT64,
        evaluation,
      ),
  ),
  scalarType(FLOAT32),
  scalarType(FLOAT64),
  scalarType(INT64),
];
