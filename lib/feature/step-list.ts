import type { Given } from './given.ts';
import { unknownName } from './given.ts';
import type { StepContext, StepKind, StepRun } from './step.ts';
import { STEPS } from './step-table.ts';
import { audioNumbers, DEFAULT_AUDIO } from './steps/audio-steps.ts';
import { DEFAULT_IMAGE, imageNumbers } from './steps/image-step.ts';
import { kindWords, type Value, type ValueKind } from './value.ts';

/** A step as the params name it, with its options. */
interface NamedStep {
  readonly kind: StepKind;
  readonly options: Given;
}

/** The names by which steps and their shorthands stand among a feature's params. */
export const STEP_PARAMS: readonly string[] = STEPS.flatMap((step) => [step.name, ...(step.shorthand ?? [])]);

/** Of these, the ones for what is no picture, sound or bytes. */
export const PLAIN_STEP_PARAMS: readonly string[] = STEPS.filter((step) => !takesPlain(step)).flatMap((step) => [
  step.name,
  ...(step.shorthand ?? []),
]);

/**
 * Compiles the steps that a feature's params name: side by side, in the order of the table, or as the list `steps` in an
 * order of its own. `start` is what the source gives, undefined when that depends on the signal.
 */
export function compileSteps(params: Given, start: ValueKind | undefined, context: StepContext): StepRun[] {
  const named = namedSteps(params);
  const runs: StepRun[] = [];
  let kind = start;
  for (const { kind: step, options } of named) {
    if (!takesPlain(step) && isPlain(kind)) {
      runs.push(plainNumbers);
      if (kind !== undefined) kind = 'numbers';
    }
    if (kind !== undefined && !step.takes.includes(kind)) {
      options.note(`takes ${step.takes.map(kindWords).join(' or ')}, and gets ${kindWords(kind)} here`);
    }
    const run = step.compile(options, context);
    if (run !== undefined) runs.push(run);
    kind = step.gives;
  }
  if (isPlain(kind)) runs.push(plainNumbers);
  return runs;
}

/** Whether a step takes pictures, sound or bytes as they are: then it takes no numbers. */
function takesPlain({ takes }: StepKind): boolean {
  return !takes.includes('numbers') && takes.some((kind) => kind === 'image' || kind === 'audio' || kind === 'bytes');
}

/** Whether a value is, or may be, a picture or sound, which no other step takes. */
function isPlain(kind: ValueKind | undefined): boolean {
  return kind === undefined || kind === 'image' || kind === 'audio';
}

/** A picture or sound that no step is named for, as numbers in the usual form. */
function plainNumbers(value: Value): Value {
  if (value.kind === 'image') return imageNumbers(value, DEFAULT_IMAGE);
  return value.kind === 'audio' ? audioNumbers(value.audio, DEFAULT_AUDIO) : value;
}

function namedSteps(params: Given): NamedStep[] {
  const sideBySide = STEPS.flatMap((kind) => paramStep(kind, params));
  const list = params.field('steps');
  if (list === undefined) return sideBySide;
  for (const { kind, options } of sideBySide) options.note(`must be one of the list steps (${kind.name})`);
  return (list.list({ min: 1, max: 100 }) ?? []).flatMap(listedStep);
}

/** The step where the params name it: `image: {…}`, or the shorthand `width` and so on. */
function paramStep(kind: StepKind, params: Given): NamedStep[] {
  const whole = params.field(kind.name);
  const short = (kind.shorthand ?? []).filter((name) => params.field(name) !== undefined);
  if (whole !== undefined) {
    for (const name of short) params.field(name)?.note(`must be inside ${kind.name}, which is given too`);
    return [{ kind, options: whole }];
  }
  return short.length === 0 ? [] : [{ kind, options: params.only(short) }];
}

function listedStep(item: Given): NamedStep[] {
  const keys = item.keys();
  const [name] = keys;
  if (name === undefined || keys.length !== 1) {
    item.refuse('must be an object with one key, the name of the step');
    return [];
  }
  const kind = STEPS.find((step) => step.name === name);
  const options = item.field(name);
  if (kind === undefined || options === undefined) {
    const names = STEPS.map((step) => step.name);
    options?.note(unknownName(name, names));
    return [];
  }
  return [{ kind, options }];
}
