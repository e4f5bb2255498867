import { nearestName } from '../language/nearest-name.ts';
import type { Attribute, Expression } from '../language/syntax.ts';
import { ATTRIBUTES } from '../library/attributes.ts';
import { functionValue } from '../library/function-value.ts';
import { METHODS } from '../library/methods.ts';
import { NP_CONSTANTS, NP_FUNCTIONS } from '../library/numpy.ts';
import { shorten } from './compile-name.ts';
import type { Emitter, Run } from './emitter.ts';

/** `object.name` as a value. */
export function compileAttribute(attribute: Attribute, emitter: Emitter): Run {
  const path = numpyPath(attribute, emitter);
  if (path !== undefined) return compileNumpyName(path, attribute.at, emitter);
  const { name, at } = attribute;
  const read = ATTRIBUTES.get(name);
  const object = emitter.emit(attribute.object);
  if (read === undefined) return refuseAttribute(name, at, emitter);
  return (evaluation) => {
    const held = object(evaluation);
    evaluation.at = at;
    return read(held, evaluation);
  };
}

/** The path below `np` of an attribute like `np.linalg.norm`; `undefined` where its root is something else. */
export function numpyPath(attribute: Attribute, emitter: Emitter): string | undefined {
  const names = [attribute.name];
  let object: Expression = attribute.object;
  while (object.type === 'attribute') {
    names.unshift(object.name);
    object = object.object;
  }
  const rooted = object.type === 'name' && object.id === 'np' && emitter.slotOf('np') === undefined;
  return rooted ? longestKnown(names) : undefined;
}

/** `np.pi.shape` asks for an attribute of a constant, not for a name below np. */
function longestKnown(names: readonly string[]): string | undefined {
  const [first] = names as [string];
  if (names.length > 1 && NP_CONSTANTS.has(first)) return undefined;
  return names.join('.');
}

function compileNumpyName(path: string, at: number, emitter: Emitter): Run {
  const constant = NP_CONSTANTS.get(path);
  if (constant !== undefined) return () => constant;
  const definition = NP_FUNCTIONS.get(path);
  if (definition === undefined) return refuseNumpyName(path, at, emitter);
  const value = functionValue(definition);
  return () => value;
}

export function refuseNumpyName(path: string, at: number, emitter: Emitter): Run {
  if (path.split('.').some((name) => name.startsWith('_'))) {
    return emitter.refuse(at, `'np.${shorten(path)}': names that begin with an underscore are not open to rules`);
  }
  const nearest = nearestName(path, [...NP_FUNCTIONS.keys(), ...NP_CONSTANTS.keys()]);
  return emitter.refuse(
    at,
    `'np.${shorten(path)}' is not known to rules`,
    nearest === undefined ? undefined : `np.${nearest}`,
  );
}

/** Refuses an attribute or method that is not on the list. */
export function refuseAttribute(name: string, at: number, emitter: Emitter): Run {
  if (name.startsWith('_')) {
    return emitter.refuse(at, `'.${shorten(name)}': names that begin with an underscore are not open to rules`);
  }
  if (METHODS.has(name)) return emitter.refuse(at, `'.${name}' is a method and must be called`, `.${name}()`);
  if (name === 'sort') return emitter.refuse(at, "'.sort()' would change the data; use a sorted copy", 'np.sort');
  const nearest = nearestName(name, [...ATTRIBUTES.keys(), ...METHODS.keys()]);
  const shown = nearest !== undefined && METHODS.has(nearest) ? `.${nearest}()` : nearest && `.${nearest}`;
  return emitter.refuse(at, `the attribute '.${shorten(name)}' is not open to rules`, shown);
}
