/** What one rule may take; every bound refuses with an error, none truncates. */
export interface RuleLimits {
  /** Steps of one evaluation: about one per part of the expression evaluated, in every turn of every loop. */
  readonly maxSteps: number;
  /** Elements that one evaluation may read or make in arrays, lists and texts. */
  readonly maxElements: number;
  /** Bits of one integer. */
  readonly maxIntegerBits: number;
  /** Characters of one rule. */
  readonly maxSourceLength: number;
  /** Depth of one rule's expression. */
  readonly maxNesting: number;
}

/** Enough for a few passes over 1920 by 1080 pixels; at most about a second of one core and 130 MB. */
export const DEFAULT_LIMITS: RuleLimits = {
  maxSteps: 2_000_000,
  maxElements: 16_000_000,
  maxIntegerBits: 16_384,
  maxSourceLength: 20_000,
  maxNesting: 100,
};
