import { BoxError, errorText } from '../error/box-error.ts';
import { compileExpression } from './compiler/compile-expression.ts';
import { Emitter, type Run } from './compiler/emitter.ts';
import { Evaluation } from './evaluation.ts';
import { type RuleInputs, RuleScope } from './inputs/rule-scope.ts';
import { parseExpression } from './language/parse.ts';
import { placeOf, Refused, refusalError } from './language/refusal.ts';
import type { Expression } from './language/syntax.ts';
import { DEFAULT_LIMITS, type RuleLimits } from './limits.ts';
import { PyError } from './value/py-error.ts';
import { truth } from './value/truth.ts';
import { typeName } from './value/type-name.ts';
import type { Value } from './value/value.ts';

/** What an expression came to. */
export interface Computed {
  /** The value; `toJson` and `valueText` show it. */
  readonly value: Value;
  /** The name of the value's type, as Python names it. */
  readonly type: string;
  /** Steps taken of the budget. */
  readonly steps: number;
}

export interface RuleResult extends Computed {
  /** Whether the value counts as true, by Python's truth. */
  readonly truthy: boolean;
}

/** A compiled expression; it keeps nothing between evaluations. Messages share nothing, rules of one message a `RuleScope`. */
export interface Rule {
  readonly source: string;
  /**
   * Evaluates the rule and asks whether the value counts as true, as the original did with what `eval` gave.
   *
   * @throws BoxError `unprocessable` for an error of the evaluation, an array of several elements as the answer among
   *   them; the facts say `error` (the class of Python's error, or `BudgetError`), `line` and `column`.
   */
  evaluate(inputs: RuleInputs | RuleScope, limits?: Partial<RuleLimits>): RuleResult;
  /** The same without asking for truth: for expressions whose value matters, such as a group. */
  compute(inputs: RuleInputs | RuleScope, limits?: Partial<RuleLimits>): Computed;
}

/**
 * Compiles an expression of the rule language.
 *
 * @throws BoxError `invalid_argument` for what the language does not take; its problems name every place, the facts
 *   the first one: `line`, `column` and, for a misspelt name, `nearest`.
 */
export function compileRule(source: string, options: Partial<RuleLimits> = {}): Rule {
  return ruleOf(source, compileParsed(source, 'the rule', { ...DEFAULT_LIMITS, ...options }));
}

interface Compiled {
  readonly run: Run;
  readonly slotCount: number;
  readonly parts: number;
  readonly limits: RuleLimits;
}

function compileParsed(source: string, what: string, limits: RuleLimits): Compiled {
  const emitter = new Emitter(limits, compileExpression);
  const run = emitter.emit(parsed(source, what, limits));
  if (emitter.refusals.length > 0) throw refusalError(source, emitter.refusals, what);
  return { run, slotCount: emitter.slotCount, parts: emitter.parts, limits };
}

function parsed(source: string, what: string, limits: RuleLimits): Expression {
  try {
    return parseExpression(source, limits);
  } catch (thrown) {
    if (thrown instanceof Refused) throw refusalError(source, [thrown.refusal], what);
    throw thrown;
  }
}

function ruleOf(source: string, compiled: Compiled): Rule {
  const run = <T>(inputs: RuleInputs | RuleScope, overrides: Partial<RuleLimits> | undefined, finish: Finish<T>): T => {
    const limits = overrides === undefined ? compiled.limits : { ...compiled.limits, ...overrides };
    const scope = inputs instanceof RuleScope ? inputs : new RuleScope(inputs);
    const evaluation = new Evaluation(scope, limits, compiled.slotCount);
    try {
      evaluation.spend(compiled.parts);
      return finish(compiled.run(evaluation), evaluation);
    } catch (thrown) {
      throw evaluationError(source, evaluation, thrown);
    }
  };
  return {
    source,
    evaluate: (inputs, limits) => run(inputs, limits, judged),
    compute: (inputs, limits) => run(inputs, limits, computed),
  };
}

type Finish<T> = (value: Value, evaluation: Evaluation) => T;

function judged(value: Value, evaluation: Evaluation): RuleResult {
  return { value, truthy: truth(value), type: typeName(value), steps: evaluation.steps };
}

function computed(value: Value, evaluation: Evaluation): Computed {
  return { value, type: typeName(value), steps: evaluation.steps };
}

/** What an evaluation ended in, with its place; faults of our own stay what they are. */
function evaluationError(source: string, evaluation: Evaluation, thrown: unknown): unknown {
  if (!(thrown instanceof PyError)) return thrown;
  const { line, column } = placeOf(source, evaluation.at);
  const text = `Cannot evaluate the rule: line ${line}, column ${column}: ${thrown.pyClass}: ${errorText(thrown)}`;
  return new BoxError('unprocessable', text, {
    cause: thrown,
    facts: { error: thrown.pyClass, line, column, steps: evaluation.steps },
  });
}
