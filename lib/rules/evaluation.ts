import type { RuleScope } from './inputs/rule-scope.ts';
import type { RuleLimits } from './limits.ts';
import { PyError } from './value/py-error.ts';
import type { Value } from './value/value.ts';

/** One evaluation of one rule: its variables, what it has used of its budget, and where it is in the source. */
export class Evaluation {
  readonly scope: RuleScope;
  readonly limits: RuleLimits;
  /** Loop variables, each at the place that the compiler gave it. */
  readonly slots: Value[];
  steps = 0;
  elements = 0;
  private readonly maxSteps: number;
  /** Offset in the source of the operation that runs; an error is reported there. */
  at = 0;

  constructor(scope: RuleScope, limits: RuleLimits, slotCount: number) {
    this.scope = scope;
    this.limits = limits;
    this.maxSteps = limits.maxSteps;
    this.slots = slotCount === 0 ? NO_SLOTS : new Array<Value>(slotCount).fill(null);
  }

  /** Counts steps. @throws PyError BudgetError when the evaluation has used up its own. */
  spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.maxSteps) throw new PyError('BudgetError', `at most ${this.maxSteps} steps are taken`);
  }

  /** Counts elements before they are read or made. @throws PyError BudgetError when there would be too many. */
  take(elements: number): void {
    this.elements += elements;
    if (!(this.elements <= this.limits.maxElements)) {
      throw new PyError('BudgetError', `at most ${this.limits.maxElements} elements are handled`);
    }
  }

  /** Counts the characters of a text that is about to be read whole; short texts cost no more than the step itself. */
  read(text: string): void {
    if (text.length > SHORT_TEXT) this.take(text.length);
  }
}

const SHORT_TEXT = 256;

const NO_SLOTS: Value[] = [];
