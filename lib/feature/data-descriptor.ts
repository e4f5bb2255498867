import { BoxError, type Problem } from '../error/box-error.ts';
import type { Feature } from '../message/body.ts';
import type { DataDescriptor } from '../scenario/scenario.ts';
import { compileFeature, type FeatureMaker } from './compile-feature.ts';
import { Given } from './given.ts';
import type { Signal } from './signal.ts';

/** What a data descriptor compiles to. */
export interface FeatureSet {
  /** Makes every feature, in the descriptor's order. Gives a promise only when a picture had to be decoded. */
  readonly make: (signal: Signal) => readonly Feature[] | Promise<readonly Feature[]>;
  /** Whether every feature looks for a field of an object: a JSON list of objects is then many signals. */
  readonly takesFields: boolean;
}

/**
 * Everything that is wrong with a descriptor's features, each with its JSON pointer below the descriptor; empty when it
 * can be used.
 */
export function checkDataDescriptor(descriptor: DataDescriptor): Problem[] {
  return compile(descriptor).problems;
}

/**
 * Compiles a descriptor, its files in their places (see referenced-files.ts), to a function from signals to features.
 *
 * @throws BoxError `invalid_argument` that lists every problem.
 */
export function compileDataDescriptor(descriptor: DataDescriptor): FeatureSet {
  const { makers, problems } = compile(descriptor);
  if (problems.length > 0) {
    const list = problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
    throw new BoxError('invalid_argument', `Cannot use data descriptor: ${list}`, { problems });
  }
  return { make: (signal) => makeAll(makers, signal), takesFields: makers.every(({ takesField }) => takesField) };
}

function compile(descriptor: DataDescriptor): { makers: FeatureMaker[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const makers: FeatureMaker[] = [];
  const names = new Set<string>();
  for (const [index, feature] of descriptor.feature_list.entries()) {
    const pointer = `/feature_list/${index}`;
    if (names.has(feature.feature_name)) {
      problems.push({
        pointer: `${pointer}/feature_name`,
        message: `must be there once, got ${feature.feature_name} twice`,
      });
    }
    names.add(feature.feature_name);
    const maker = compileFeature(feature, new Given(feature.feature_params, `${pointer}/feature_params`, problems));
    if (maker !== undefined) makers.push(maker);
  }
  return { makers, problems };
}

function makeAll(makers: readonly FeatureMaker[], signal: Signal): readonly Feature[] | Promise<readonly Feature[]> {
  const features: (Feature | Promise<Feature>)[] = [];
  let later = false;
  for (const { make } of makers) {
    try {
      const feature = make(signal);
      if (feature instanceof Promise) later = true;
      features.push(feature);
    } catch (thrown) {
      if (!later) throw thrown;
      // A picture is being decoded: its promise needs somebody who waits for it.
      features.push(Promise.reject(thrown));
    }
  }
  return later ? Promise.all(features) : (features as Feature[]);
}
