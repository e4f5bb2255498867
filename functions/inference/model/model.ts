import type { Dtype } from '#lib/tensor/dtype.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';

/** One dimension of a shape: its size, the name of a dynamic one, or null for a dynamic one without a name. */
export type Dimension = number | string | null;

/** An input of a model. */
export interface InputSpec {
  readonly name: string;
  readonly dtype: Dtype;
  /** Undefined when the model does not even say how many dimensions there are. */
  readonly shape: readonly Dimension[] | undefined;
}

/**
 * An output of a model. `tensor` is what it says. `class-map` was a sequence of maps in the file (scikit-learn's
 * ZipMap): its value is the tensor before the map, `[rows, labels]`, and `labels` names its columns. `sequence` is a
 * list of tensors; `optional` a tensor or null.
 */
export interface OutputSpec extends InputSpec {
  readonly kind: 'tensor' | 'class-map' | 'sequence' | 'optional';
  readonly labels?: readonly string[];
}

/** What goes into a model and what comes out, in the model's own order. */
export interface Signature {
  readonly inputs: readonly InputSpec[];
  readonly outputs: readonly OutputSpec[];
}

/** The value of an output, by its kind: a tensor, a list of tensors for `sequence`, null for an empty `optional`. */
export type OutputValue = Tensor | readonly Tensor[] | null;

/** What a run gave: one value per output of the signature, in its order, and how long the model itself took. */
export interface RunResult {
  readonly outputs: readonly OutputValue[];
  readonly computeMs: number;
}

/** An execution provider that was asked for and is not there. */
export interface SkippedProvider {
  readonly provider: string;
  readonly reason: string;
}

/** A model in memory. */
export interface Model {
  readonly signature: Signature;
  /** The execution providers that were asked for before the one that runs it. */
  readonly skipped: readonly SkippedProvider[];
  /**
   * Runs the model once.
   *
   * @param inputs one tensor per input of the signature, in its order. Their memory may be taken: do not use it after.
   * @throws BoxError `invalid_argument` when the model refuses what it was given.
   */
  run(inputs: readonly Tensor[]): Promise<RunResult>;
  /** How long one run takes when nothing else is done in its thread, in milliseconds, without what surrounds it. */
  measure(inputs: readonly Tensor[]): Promise<number>;
  /** Frees the model's memory; runs that were begun end first. */
  close(): Promise<void>;
}

/** How a model is run. */
export interface SessionOptions {
  /** Threads within one operator (default 1: more only pays for large models on idle cores). */
  readonly intraOpThreads: number;
  /** Threads across operators, where more than 1 runs branches of the graph side by side. */
  readonly interOpThreads: number;
  readonly optimization: 'disabled' | 'basic' | 'extended' | 'all';
  /** Execution providers, in order of preference. */
  readonly providers: readonly string[];
}

export const DEFAULT_SESSION_OPTIONS: SessionOptions = {
  intraOpThreads: 1,
  interOpThreads: 1,
  optimization: 'all',
  providers: ['cpu'],
};

/** A shape as people write it: `[batch, 3, ?]`. */
export function showShape(shape: readonly Dimension[] | undefined): string {
  return shape === undefined ? '(any shape)' : `[${shape.map((size) => size ?? '?').join(', ')}]`;
}
