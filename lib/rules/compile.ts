import { BoxError } from '../error/box-error.ts';
import { compileExpression } from './compiler/compile-expression.ts';
import { Emitter, type Run } from './compiler/emitter.ts';
import { Evaluation } from './evaluation.ts';
import { type RuleInputs, RuleScope } from './inputs/rule-scope.ts';
import { parseExpression } from './language/parse.ts';
import { placeOf, type Refusal, Refused, refusalError } from './language/refusal.ts';
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

/** What is being compiled, and what stands around it for the parser but not for the user. */
export interface SourceText {
  readonly source: string;
  readonly what: 'rule' | 'message';
  readonly before: string;
  readonly after: string;
  /** Whether a backslash is just a character, which the grammar does not know of raw f-strings. */
  readonly plainBackslashes: boolean;
}

/**
 * Compiles an expression of the rule language.
 *
 * @throws BoxError `invalid_argument` for what the language does not take; its problems name every place, the facts
 *   the first one: `line`, `column` and, for a misspelt name, `nearest`.
 */
export function compileRule(source: string, limits: Partial<RuleLimits> = {}): Rule {
  return compileText({ source, what: 'rule', before: '', after: '', plainBackslashes: false }, limits);
}

/** Compiles a text inside what stands around it; places are told as those of the text itself. */
export function compileText(text: SourceText, overrides: Partial<RuleLimits>): Rule {
  const limits = { ...DEFAULT_LIMITS, ...overrides };
  const emitter = new Emitter(limits, compileExpression);
  const run = emitter.emit(parsed(text, limits));
  if (emitter.refusals.length > 0) throw refusalOf(text, emitter.refusals);
  return ruleOf(text, { run, slotCount: emitter.slotCount, parts: emitter.parts, limits });
}

interface Compiled {
  readonly run: Run;
  readonly slotCount: number;
  readonly parts: number;
  readonly limits: RuleLimits;
}

function parsed(text: SourceText, limits: RuleLimits): Expression {
  try {
    const whole = text.before + text.source + text.after;
    return parseExpression(whole, text.plainBackslashes ? whole.replaceAll('\\', 'x') : whole, limits);
  } catch (thrown) {
    if (thrown instanceof Refused) throw refusalOf(text, [thrown.refusal]);
    throw thrown;
  }
}

function refusalOf(text: SourceText, refusals: readonly Refusal[]): BoxError {
  const shifted = refusals.map((refusal) => ({ ...refusal, at: offsetIn(text, refusal.at) }));
  return refusalError(text.source, shifted, `the ${text.what}`);
}

function offsetIn(text: SourceText, at: number): number {
  return Math.min(Math.max(0, at - text.before.length), text.source.length);
}

function ruleOf(text: SourceText, compiled: Compiled): Rule {
  const run = <T>(inputs: RuleInputs | RuleScope, overrides: Partial<RuleLimits> | undefined, finish: Finish<T>): T => {
    const limits = overrides === undefined ? compiled.limits : { ...compiled.limits, ...overrides };
    const scope = inputs instanceof RuleScope ? inputs : new RuleScope(inputs);
    const evaluation = new Evaluation(scope, limits, compiled.slotCount);
    try {
      evaluation.spend(compiled.parts);
      return finish(compiled.run(evaluation), evaluation);
    } catch (thrown) {
      throw evaluationError(text, evaluation, thrown);
    }
  };
  return {
    source: text.source,
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
function evaluationError(text: SourceText, evaluation: Evaluation, thrown: unknown): unknown {
  const error = thrown instanceof RangeError ? new PyError('BudgetError', 'the values nest too deep') : thrown;
  if (!(error instanceof PyError)) return error;
  const { line, column } = placeOf(text.source, offsetIn(text, evaluation.at));
  const told = `Cannot evaluate the ${text.what}: line ${line}, column ${column}: ${error.pyClass}: ${error.message}`;
  return new BoxError('unprocessable', told, {
    cause: thrown,
    facts: { error: error.pyClass, line, column, steps: evaluation.steps },
  });
}
