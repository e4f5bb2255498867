import type { StepKind } from './step.ts';
import { MIN_MAX_STEP, NORMALISE_STEP, SHAPE_STEP, SLICE_STEP, TRANSPOSE_STEP } from './steps/array-steps.ts';
import { AUDIO_STEP, FRAMES_STEP, LOG_MEL_STEP } from './steps/audio-steps.ts';
import { HASH_STEP, INDEX_STEP, MULTI_HOT_STEP, ONE_HOT_STEP } from './steps/category-steps.ts';
import { ELEMENTS_STEP } from './steps/elements-step.ts';
import { IMAGE_STEP } from './steps/image-step.ts';
import {
  CLIP_STEP,
  DIVIDE_STEP,
  OFFSET_STEP,
  RANGE_STEP,
  ROUND_STEP,
  SCALE_STEP,
  UNIT_STEP,
} from './steps/number-steps.ts';
import { PIXELS_STEP } from './steps/pixels-step.ts';
import { BAG_OF_WORDS_STEP, SEQUENCE_STEP, TF_IDF_STEP } from './steps/text-steps.ts';
import { TIME_STEP } from './steps/time-step.ts';

/** Every kind of step, in the order in which they run when a feature's params name them side by side. */
export const STEPS: readonly StepKind[] = [
  PIXELS_STEP,
  IMAGE_STEP,
  AUDIO_STEP,
  ELEMENTS_STEP,
  TIME_STEP,
  INDEX_STEP,
  ONE_HOT_STEP,
  MULTI_HOT_STEP,
  HASH_STEP,
  BAG_OF_WORDS_STEP,
  TF_IDF_STEP,
  SEQUENCE_STEP,
  UNIT_STEP,
  SCALE_STEP,
  DIVIDE_STEP,
  OFFSET_STEP,
  RANGE_STEP,
  CLIP_STEP,
  ROUND_STEP,
  SLICE_STEP,
  TRANSPOSE_STEP,
  NORMALISE_STEP,
  MIN_MAX_STEP,
  SHAPE_STEP,
  FRAMES_STEP,
  LOG_MEL_STEP,
];
