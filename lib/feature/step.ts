import type { Given } from './given.ts';
import type { Value, ValueKind } from './value.ts';

/** Turns one value into the next. Throws `fault(...)` when the signal's value does not fit. */
export type StepRun = (value: Value) => Value;

/** What every step of a feature is compiled with. */
export interface StepContext {
  /** Brings a result to the precision that the feature is computed in. */
  readonly round: (value: number) => number;
}

/** A kind of step, as feature_params name it. */
export interface StepKind {
  readonly name: string;
  /** What it does, in a sentence or two of docs/features.md. */
  readonly doc: string;
  /** Its options as documented, each with a sentence; empty for a step whose option is a plain value. */
  readonly options: Readonly<Record<string, string>>;
  readonly takes: readonly ValueKind[];
  readonly gives: ValueKind;
  /**
   * Options that may stand among the feature's params by themselves, for the step that they belong to:
   * `width` for `image: { width }`.
   */
  readonly shorthand?: readonly string[];
  /** Reads the options; notes problems and returns undefined when they do not fit. */
  readonly compile: (given: Given, context: StepContext) => StepRun | undefined;
}
