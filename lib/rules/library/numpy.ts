import { PyFloat, type Value } from '../value/value.ts';
import type { LibraryFunction } from './function.ts';
import { ELEMENTWISE } from './np-elementwise.ts';
import { LINEAR } from './np-linear.ts';
import { MAKING } from './np-make.ts';
import { ORDERING } from './np-order.ts';
import { REDUCTIONS } from './np-reduce.ts';
import { SHAPING } from './np-shape.ts';

/** The functions below `np`, by their path there. */
export const NP_FUNCTIONS: ReadonlyMap<string, LibraryFunction> = new Map(
  [...REDUCTIONS, ...ELEMENTWISE, ...SHAPING, ...ORDERING, ...LINEAR, ...MAKING].map((definition) => [
    definition.name.replace('np.', ''),
    definition,
  ]),
);

/** The constants below `np`. */
export const NP_CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['pi', new PyFloat(Math.PI)],
  ['e', new PyFloat(Math.E)],
  ['inf', new PyFloat(Number.POSITIVE_INFINITY)],
  ['nan', new PyFloat(Number.NaN)],
  ['newaxis', null],
]);
