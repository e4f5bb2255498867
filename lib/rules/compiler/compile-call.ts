import type { Attribute, Call, Comprehension, Expression } from '../language/syntax.ts';
import { ATTRIBUTES } from '../library/attributes.ts';
import { BUILTINS } from '../library/builtins.ts';
import type { LibraryFunction } from '../library/function.ts';
import { METHODS } from '../library/methods.ts';
import { NP_FUNCTIONS } from '../library/numpy.ts';
import { truth } from '../value/truth.ts';
import type { Value } from '../value/value.ts';
import { bindArguments } from './bind-arguments.ts';
import { numpyPath, refuseAttribute, refuseNumpyName } from './compile-attribute.ts';
import { compileLoop } from './compile-comprehension.ts';
import { refuseName } from './compile-name.ts';
import type { Emitter, Run } from './emitter.ts';

/** A call: of a builtin, of a function below `np`, or of a method. Nothing else can be called. */
export function compileCall(call: Call, emitter: Emitter): Run {
  const { callee } = call;
  if (callee.type === 'name') return compileBuiltin(call, callee.id, emitter);
  if (callee.type !== 'attribute') {
    emitter.emit(callee);
    emitter.refuse(call.at, 'only the functions and methods of the rule language can be called');
    return compileRefused(call, emitter);
  }
  const path = numpyPath(callee, emitter);
  if (path === undefined) return compileMethod(call, callee, emitter);
  const definition = NP_FUNCTIONS.get(path);
  if (definition !== undefined) return compileFunction(definition, call, emitter);
  refuseNumpyName(path, callee.at, emitter);
  return compileRefused(call, emitter);
}

/** The arguments of a call that is refused are looked at too, so that one answer tells all that is wrong. */
function compileRefused(call: Call, emitter: Emitter): Run {
  for (const argument of call.positional) emitter.emit(argument);
  for (const keyword of call.keywords) emitter.emit(keyword.value);
  return () => null;
}

function compileBuiltin(call: Call, id: string, emitter: Emitter): Run {
  const definition = emitter.slotOf(id) === undefined ? BUILTINS.get(id) : undefined;
  if (definition === undefined) {
    if (emitter.slotOf(id) === undefined) refuseName(id, call.callee.at, emitter);
    else emitter.refuse(call.callee.at, `'${id}' is a value here and cannot be called`);
    return compileRefused(call, emitter);
  }
  const [only] = call.positional;
  const generator = only?.type === 'comprehension' && only.kind === 'generator' && call.positional.length === 1;
  if (generator && call.keywords.length === 0 && (id === 'any' || id === 'all')) {
    return compileQuantifier(id, only, emitter);
  }
  return compileFunction(definition, call, emitter);
}

/** `any(…)` and `all(…)` over a generator expression, as one loop that stops at the first item that decides. */
function compileQuantifier(id: 'any' | 'all', generator: Comprehension, emitter: Emitter): Run {
  const { drive, element } = compileLoop(generator, emitter);
  const deciding = id === 'any';
  return (evaluation) => {
    const decided = drive(evaluation, () => truth(element(evaluation)) === deciding);
    return decided === deciding;
  };
}

function compileFunction(definition: LibraryFunction, call: Call, emitter: Emitter): Run {
  const bound = bindArguments(definition, call, emitter);
  const runs = bound.map((argument) =>
    argument === undefined ? undefined : emitter.emit(asConsumed(definition, argument)),
  );
  return callWith(definition, runs, call.at);
}

/** A generator that the function reads to its end anyway is made as a list, which is faster. */
function asConsumed(definition: LibraryFunction, argument: Expression): Expression {
  const generator = argument.type === 'comprehension' && argument.kind === 'generator';
  return generator && definition.consumes ? { ...argument, kind: 'list' } : argument;
}

function callWith(definition: LibraryFunction, runs: readonly (Run | undefined)[], at: number): Run {
  const { call } = definition;
  const [first] = runs;
  if (runs.length === 1 && first !== undefined) {
    return (evaluation) => {
      const args = [first(evaluation)];
      evaluation.at = at;
      return call(args, evaluation);
    };
  }
  return (evaluation) => {
    const args = new Array<Value | undefined>(runs.length);
    for (let i = 0; i < runs.length; i++) args[i] = runs[i]?.(evaluation);
    evaluation.at = at;
    return call(args, evaluation);
  };
}

function compileMethod(call: Call, callee: Attribute, emitter: Emitter): Run {
  const object = emitter.emit(callee.object);
  const { at, name } = callee;
  const method = METHODS.get(name);
  if (method === undefined) {
    if (!ATTRIBUTES.has(name)) refuseAttribute(name, at, emitter);
    else emitter.refuse(at, `'.${name}' is not a method; leave the parentheses out`, `.${name}`);
    return compileRefused(call, emitter);
  }
  const bound = bindArguments(method, call, emitter);
  const runs = bound.map((argument) => (argument === undefined ? undefined : emitter.emit(argument)));
  const run = method.callOn;
  return (evaluation) => {
    const self = object(evaluation);
    const args = runs.map((argument) => argument?.(evaluation));
    evaluation.at = at;
    return run(self, args, evaluation);
  };
}
