import { castTo } from '../array/cast.ts';
import { NdArray, NpScalar, unwrapped } from '../array/ndarray.ts';
import { reshape, transpose } from '../array/shape.ts';
import { itemOf, toLists } from '../array/to-values.ts';
import type { Evaluation } from '../evaluation.ts';
import { typeError } from '../value/py-error.ts';
import { PyList, PyTuple, type Value } from '../value/value.ts';
import { dtypeOf, shapeOf } from './argument.ts';
import { noAttribute, scalarAsArray } from './attributes.ts';
import { type Arguments, defineFunction, type Parameter } from './function.ts';
import { MAPPING_METHODS } from './mapping-methods.ts';
import { NP_FUNCTIONS } from './numpy.ts';
import { TEXT_METHODS } from './text-methods.ts';

/** A method: what is called on a value. Which type it belongs to is seen when it is called. */
export interface Method {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly callOn: (self: Value, args: Arguments, evaluation: Evaluation) => Value;
}

type OnArray = (array: NdArray, args: Arguments, evaluation: Evaluation) => Value;

/** Arrays have methods that numpy scalars have too, as arrays without dimensions. */
function arrayMethod(name: string, signature: string, call: OnArray): Method {
  const { parameters } = defineFunction(name, signature, () => null);
  return {
    name: `.${name}`,
    parameters,
    callOn: (self, args, evaluation) => {
      if (self instanceof NdArray) return call(self, args, evaluation);
      if (!(self instanceof NpScalar)) throw noAttribute(self, name);
      const result = call(scalarAsArray(self), args, evaluation);
      return result instanceof NdArray ? unwrapped(result) : result;
    },
  };
}

/** The method that does what the function of the same name below `np` does with its first argument. */
function sameAsFunction(name: string): Method {
  const definition = NP_FUNCTIONS.get(name);
  if (definition === undefined) throw new Error(`np.${name} is not defined`);
  return {
    ...arrayMethod(name, '', (array, args, evaluation) => definition.call([array, ...args], evaluation)),
    parameters: definition.parameters.slice(1),
  };
}

const LIKE_FUNCTIONS = [
  'sum',
  'prod',
  'mean',
  'min',
  'max',
  'any',
  'all',
  'argmax',
  'argmin',
  'std',
  'var',
  'argsort',
  'squeeze',
  'ravel',
  'dot',
  'round',
  'cumsum',
];

/** `a.reshape(2, 3)` and `a.reshape((2, 3))` are the same. */
function spread(args: Value | undefined): Value {
  const items = args instanceof PyTuple ? args.items : [];
  const [only] = items;
  const one = items.length === 1 && (only instanceof PyTuple || only instanceof PyList);
  return one ? (only as Value) : new PyTuple(items);
}

const ARRAY_METHODS: readonly Method[] = [
  ...LIKE_FUNCTIONS.map(sameAsFunction),
  arrayMethod('clip', 'min=, max=', (array, [low, high], evaluation) =>
    (NP_FUNCTIONS.get('clip') as { call: (args: Arguments, evaluation: Evaluation) => Value }).call(
      [array, low, high],
      evaluation,
    ),
  ),
  arrayMethod('reshape', '*shape', (array, [shape]) => reshape(array, shapeOf(spread(shape)))),
  arrayMethod('transpose', '*axes', (array, [axes], evaluation) => {
    const given = spread(axes);
    const none = given instanceof PyTuple && (given.items.length === 0 || given.items[0] === null);
    return transpose(array, none ? undefined : shapeOf(given), evaluation);
  }),
  arrayMethod('flatten', '', (array) => reshape(array, [array.size])),
  arrayMethod('tolist', '', (array, _, evaluation) => toLists(array, evaluation)),
  arrayMethod('item', '*index', (array, [index], evaluation) => itemOf(array, spread(index), evaluation)),
  arrayMethod('astype', 'dtype', (array, [dtype], evaluation) => {
    const wanted = dtypeOf(dtype);
    if (wanted === undefined) throw typeError('astype needs an element type');
    return castTo(array, wanted, evaluation);
  }),
];

/** Every method by its name. */
export const METHODS: ReadonlyMap<string, Method> = new Map(
  [...ARRAY_METHODS, ...TEXT_METHODS, ...MAPPING_METHODS].map((method) => [method.name.slice(1), method]),
);
