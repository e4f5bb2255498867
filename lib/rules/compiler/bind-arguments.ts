import { nearestName } from '../language/nearest-name.ts';
import type { Call, Expression } from '../language/syntax.ts';
import type { Parameter } from '../library/function.ts';
import type { Emitter } from './emitter.ts';

/** What is called, as far as binding needs to know it. */
interface Callable {
  readonly name: string;
  readonly parameters: readonly Parameter[];
}

/**
 * The arguments of a call in the order of the parameters. Which argument goes where is known when a rule is compiled,
 * so a call that cannot work is refused then, with its place.
 */
export function bindArguments(callable: Callable, call: Call, emitter: Emitter): (Expression | undefined)[] {
  const bound = new Array<Expression | undefined>(callable.parameters.length).fill(undefined);
  bindPositional(callable, call, bound, emitter);
  bindKeywords(callable, call, bound, emitter);
  callable.parameters.forEach((parameter, i) => {
    if (parameter.required && bound[i] === undefined) {
      emitter.refuse(call.at, `${callable.name}() needs its argument '${parameter.name}'`);
    }
  });
  while (bound.length > 0 && bound.at(-1) === undefined) bound.pop();
  return bound;
}

function bindPositional(callable: Callable, call: Call, bound: (Expression | undefined)[], emitter: Emitter): void {
  const rest = callable.parameters.findIndex((parameter) => parameter.how === 'rest');
  if (rest !== -1) {
    bound[rest] = { type: 'tuple', items: call.positional, at: call.at };
    return;
  }
  const places = callable.parameters.filter((parameter) => parameter.how !== 'keyword').length;
  call.positional.forEach((argument, i) => {
    if (i < places) bound[i] = argument;
  });
  const extra = call.positional[places];
  if (extra !== undefined) {
    emitter.refuse(
      extra.at,
      `${callable.name}() takes ${places} positional argument${places === 1 ? '' : 's'} here, got ${call.positional.length}`,
    );
  }
}

function bindKeywords(callable: Callable, call: Call, bound: (Expression | undefined)[], emitter: Emitter): void {
  const named = callable.parameters.filter((parameter) => parameter.how === 'either' || parameter.how === 'keyword');
  for (const { name, value, at } of call.keywords) {
    const index = callable.parameters.findIndex((parameter) => parameter.name === name && named.includes(parameter));
    if (index === -1) {
      const nearest = nearestName(
        name,
        named.map((parameter) => parameter.name),
      );
      emitter.refuse(at, `${callable.name}() has no argument '${name.slice(0, 40)}' here`, nearest);
    } else if (bound[index] !== undefined) {
      emitter.refuse(at, `${callable.name}() got its argument '${name}' twice`);
    } else bound[index] = value;
  }
}
