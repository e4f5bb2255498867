import { nearestName } from '../language/nearest-name.ts';
import type { Name } from '../language/syntax.ts';
import { BUILTINS } from '../library/builtins.ts';
import { functionValue } from '../library/function-value.ts';
import type { Emitter, Run } from './emitter.ts';

const INPUTS: Readonly<Record<string, Run>> = {
  prediction: (evaluation) => evaluation.scope.prediction,
  source: (evaluation) => evaluation.scope.source,
  time: (evaluation) => evaluation.scope.time,
  features: (evaluation) => evaluation.scope.features,
};

/** Every name that a rule may use, beside its own loop variables. */
export const NAMES: readonly string[] = [...Object.keys(INPUTS), 'np', ...BUILTINS.keys()];

/** A name as a value: a loop variable, an input, or a function handed to another (`key=len`). */
export function compileName(name: Name, emitter: Emitter): Run {
  const { id, at } = name;
  const slot = emitter.slotOf(id);
  if (slot !== undefined) return (evaluation) => evaluation.slots[slot] ?? null;
  const input = Object.hasOwn(INPUTS, id) ? INPUTS[id] : undefined;
  if (input !== undefined) return input;
  const builtin = BUILTINS.get(id);
  if (builtin !== undefined) {
    const value = functionValue(builtin);
    return () => value;
  }
  if (id === 'np') return emitter.refuse(at, 'np is not a value: name what you want of it, as in np.mean(x)');
  return refuseName(id, at, emitter);
}

/** Refuses a name that is not in the language. */
export function refuseName(id: string, at: number, emitter: Emitter): Run {
  if (id.startsWith('_'))
    return emitter.refuse(at, `'${shorten(id)}': names that begin with an underscore are not open to rules`);
  const nearest = nearestName(id, [...NAMES, ...emitter.variablesInReach()]);
  return emitter.refuse(at, `the name '${shorten(id)}' is not known to rules`, nearest);
}

export function shorten(name: string): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}
