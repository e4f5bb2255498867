import type { Problem } from '#lib/error/box-error.ts';
import type { InferenceDefinition } from '#lib/scenario/scenario.ts';

/** What was found when a model was held against its descriptor. Pointers begin at the inference definition. */
export interface ModelFindings {
  /** What keeps the model from running as described; none for a model that can be used. */
  readonly problems: readonly Problem[];
  /** What differs without harm. */
  readonly warnings: readonly Problem[];
}

/** Fetches a model, loads it and holds it against its descriptor. */
export interface ModelVerifier {
  /** @throws BoxError `unavailable` when the model could not be checked at all. */
  verify(definition: InferenceDefinition): Promise<ModelFindings>;
}
