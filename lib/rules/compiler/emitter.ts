import type { Evaluation } from '../evaluation.ts';
import type { Refusal } from '../language/refusal.ts';
import type { Expression } from '../language/syntax.ts';
import type { RuleLimits } from '../limits.ts';
import type { Value } from '../value/value.ts';

/** A compiled expression. */
export type Run = (evaluation: Evaluation) => Value;

/** What compiling needs and collects: the loop variables in reach, and everything that was refused. */
export class Emitter {
  readonly refusals: Refusal[] = [];
  readonly limits: RuleLimits;
  /** Places for loop variables given out so far. */
  slotCount = 0;
  /** Parts compiled so far; a loop body's share of them is what each turn costs. */
  parts = 0;
  private readonly scopes: Map<string, number>[] = [];
  private readonly compile: (expression: Expression, emitter: Emitter) => Run;

  constructor(limits: RuleLimits, compile: (expression: Expression, emitter: Emitter) => Run) {
    this.limits = limits;
    this.compile = compile;
  }

  emit(expression: Expression): Run {
    this.parts++;
    return this.compile(expression, this);
  }

  /** Notes what is refused and goes on, so that one answer tells all of it. */
  refuse(at: number, message: string, nearest?: string): Run {
    this.refusals.push(
      nearest === undefined ? { at, message } : { at, message: `${message}; did you mean ${nearest}?`, nearest },
    );
    return refused;
  }

  /** The place of a loop variable in reach, `undefined` for another name. */
  slotOf(name: string): number | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const slot = this.scopes[i]?.get(name);
      if (slot !== undefined) return slot;
    }
    return undefined;
  }

  variablesInReach(): string[] {
    return this.scopes.flatMap((scope) => [...scope.keys()]);
  }

  /** Opens a comprehension's scope; `declare` adds its variables. */
  openScope(): void {
    this.scopes.push(new Map());
  }

  declare(name: string): number {
    const scope = this.scopes.at(-1);
    const held = scope?.get(name);
    if (held !== undefined) return held;
    const slot = this.slotCount++;
    scope?.set(name, slot);
    return slot;
  }

  closeScope(): void {
    this.scopes.pop();
  }
}

function refused(): Value {
  return null;
}
