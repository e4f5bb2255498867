import type { Evaluation } from '../evaluation.ts';
import type { Value } from '../value/value.ts';

/** The arguments of a call in the order of the function's parameters; `undefined` where one was not given. */
export type Arguments = readonly (Value | undefined)[];

export interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly how: 'positional' | 'either' | 'keyword' | 'rest';
}

/** A function that rules can call. */
export interface LibraryFunction {
  /** Its name as a rule writes it. */
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** Whether it reads a generator to its end at once, so that a generator expression may be handed to it as a list. */
  readonly consumes: boolean;
  readonly call: (args: Arguments, evaluation: Evaluation) => Value;
}

/**
 * Describes a function by its signature as Python writes one, without defaults: `a, axis=, *, keepdims=` (`=` marks
 * what may be left out, `/` ends what is positional only, `*` begins what is keyword only, `*rest` takes all others).
 */
export function defineFunction(
  name: string,
  signature: string,
  call: (args: Arguments, evaluation: Evaluation) => Value,
  options: { readonly consumes?: boolean } = {},
): LibraryFunction {
  return { name, parameters: parametersOf(signature), consumes: options.consumes ?? false, call };
}

function parametersOf(signature: string): Parameter[] {
  const words = signature
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const slash = words.indexOf('/');
  const star = words.indexOf('*');
  const parameters: Parameter[] = [];
  words.forEach((word, i) => {
    if (word === '/' || word === '*') return;
    if (word.startsWith('*')) parameters.push({ name: word.slice(1), required: false, how: 'rest' });
    else {
      const how = i < slash ? 'positional' : star !== -1 && i > star ? 'keyword' : 'either';
      parameters.push({ name: word.replace('=', ''), required: !word.endsWith('='), how });
    }
  });
  return parameters;
}

/** Functions by the names that rules call them by. */
export function byName(functions: readonly LibraryFunction[]): ReadonlyMap<string, LibraryFunction> {
  return new Map(functions.map((definition) => [definition.name, definition]));
}
