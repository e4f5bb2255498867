import { PyFunction, PyTuple } from '../value/value.ts';
import type { LibraryFunction } from './function.ts';

const made = new Map<LibraryFunction, PyFunction>();

/** A function as a value, for `key=len` and `dtype=np.float32`: always the same one, and called with one argument. */
export function functionValue(definition: LibraryFunction): PyFunction {
  const held = made.get(definition);
  if (held !== undefined) return held;
  const rest = definition.parameters[0]?.how === 'rest';
  const value = new PyFunction(definition.name, (argument, evaluation) =>
    definition.call([rest ? new PyTuple([argument]) : argument], evaluation),
  );
  made.set(definition, value);
  return value;
}
