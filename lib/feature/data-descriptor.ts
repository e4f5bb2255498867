import { BoxError, type Problem } from '../error/box-error.ts';
import type { Feature } from '../message/body.ts';
import type { DataDescriptor } from '../scenario/scenario.ts';
import { compileFeature, type FeatureMaker } from './compile-feature.ts';
import { Given } from './given.ts';
import type { LastValues } from './last-values.ts';
import type { Signal } from './signal.ts';
import { readWindow, type WindowSpec } from './window/window-spec.ts';

/** What a data descriptor compiles to. */
export interface FeatureSet {
  /** Makes every feature, in the descriptor's order. Gives a promise only when a picture had to be decoded. */
  readonly make: (signal: Signal, last?: LastValues) => readonly Feature[] | Promise<readonly Feature[]>;
  /** Whether every feature looks for a field of an object: a JSON list of objects is then many signals. */
  readonly takesFields: boolean;
  /** Whether a feature takes what is missing from an earlier signal: `make` needs to be told then what that had. */
  readonly takesLast: boolean;
  /** The window that features are made of; undefined where each signal makes features. */
  readonly window: WindowSpec | undefined;
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
  const { makers, problems, window } = compile(descriptor);
  if (problems.length > 0) {
    const list = problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
    throw new BoxError('invalid_argument', `Cannot use data descriptor: ${list}`, { problems });
  }
  return {
    make: (signal, last) => makeAll(makers, signal, last),
    takesFields: makers.every(({ takesField }) => takesField),
    takesLast: makers.some(({ takesLast }) => takesLast),
    window,
  };
}

interface Compiled {
  readonly makers: FeatureMaker[];
  readonly problems: Problem[];
  readonly window: WindowSpec | undefined;
}

function compile(descriptor: DataDescriptor): Compiled {
  const problems: Problem[] = [];
  const makers: FeatureMaker[] = [];
  const names = new Set<string>();
  const given = descriptor.window === undefined ? undefined : new Given(descriptor.window, '/window', problems);
  const window = given && readWindow(given);
  // Of a window that is wrong it is not known what features may take.
  const columns = given && window?.columns.map(({ name }) => name);
  if (given !== undefined && descriptor.feature_list.length === 0)
    given.note('needs a feature_list that takes its rows');
  if (given !== undefined && columns === undefined) return { makers, problems, window };
  for (const [index, feature] of descriptor.feature_list.entries()) {
    const pointer = `/feature_list/${index}`;
    if (names.has(feature.feature_name)) {
      problems.push({
        pointer: `${pointer}/feature_name`,
        message: `must be there once, got ${feature.feature_name} twice`,
      });
    }
    names.add(feature.feature_name);
    const maker = compileFeature(
      feature,
      new Given(feature.feature_params, `${pointer}/feature_params`, problems),
      columns,
    );
    if (maker !== undefined) makers.push(maker);
  }
  return { makers, problems, window };
}

function makeAll(
  makers: readonly FeatureMaker[],
  signal: Signal,
  last: LastValues | undefined,
): readonly Feature[] | Promise<readonly Feature[]> {
  const features: (Feature | Promise<Feature>)[] = [];
  let later = false;
  for (const { make } of makers) {
    try {
      const feature = make(signal, last);
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
