import type { StepKind } from './step.ts';
import { IMAGE_STEP } from './steps/image-step.ts';
import { CLIP_STEP, NORMALISE_STEP, OFFSET_STEP, SCALE_STEP, SHAPE_STEP } from './steps/number-steps.ts';

/** Every kind of step, in the order in which they run when a feature's params name them side by side. */
export const STEPS: readonly StepKind[] = [IMAGE_STEP, SCALE_STEP, OFFSET_STEP, CLIP_STEP, NORMALISE_STEP, SHAPE_STEP];
