import type { Problem } from '#lib/error/box-error.ts';
import type { LoadOptions } from '../model/loaded-model.ts';
import { type GoldenSample, readGoldenSamples } from './golden.ts';

/** How one model is run: what its `model_options` or its `config.json` says, and the function's own settings for the rest. */
export interface ModelOptions {
  readonly load: LoadOptions;
  readonly pinned: boolean;
  readonly golden: readonly GoldenSample[];
}

interface Given {
  readonly [name: string]: unknown;
}

const NUMBERS = {
  max_batch: [1, 65_536],
  max_delay_us: [0, 10_000_000],
  max_queue: [1, 1_000_000],
  intra_op_threads: [1, 64],
  inter_op_threads: [1, 64],
} as const satisfies Record<string, readonly [number, number]>;

const WORDS = {
  optimization: ['disabled', 'basic', 'extended', 'all'],
  placement: ['auto', 'worker', 'main'],
} as const;

const KNOWN = [...Object.keys(NUMBERS), ...Object.keys(WORDS), 'providers', 'pinned', 'golden'];

/** Reads the options; problems have pointers relative to them. An option with a problem has its default. */
export function readModelOptions(
  given: Given,
  defaults: LoadOptions,
): { readonly options: ModelOptions; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const refuse = (name: string, rule: string) =>
    problems.push({
      pointer: `/${name}`,
      message: `must be ${rule}, got ${JSON.stringify(given[name])?.slice(0, 100)}`,
    });
  const number = (name: keyof typeof NUMBERS, fallback: number): number => {
    const value = given[name];
    const [min, max] = NUMBERS[name];
    if (value === undefined) return fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    refuse(name, `a whole number from ${min} to ${max}`);
    return fallback;
  };
  const word = <T extends string>(name: keyof typeof WORDS, allowed: readonly T[], fallback: T): T => {
    const found = allowed.find((each) => each === given[name]);
    if (found === undefined && given[name] !== undefined) refuse(name, `one of ${allowed.join(', ')}`);
    return found ?? fallback;
  };
  for (const name of Object.keys(given)) {
    if (!KNOWN.includes(name))
      problems.push({ pointer: `/${name}`, message: `is not known: allowed are ${KNOWN.join(', ')}` });
  }
  const { providers = defaults.session.providers, pinned = false, golden = [] } = given;
  const providersFit = isTextList(providers);
  if (!providersFit) refuse('providers', 'a list of names of execution providers');
  if (typeof pinned !== 'boolean') refuse('pinned', 'true or false');
  const samples = readGoldenSamples(golden);
  problems.push(...samples.problems.map(({ pointer, message }) => ({ pointer: `/golden${pointer}`, message })));
  const { session, batching, placement } = defaults;
  return {
    problems,
    options: {
      pinned: pinned === true,
      golden: samples.samples,
      load: {
        ...defaults,
        placement: word('placement', WORDS.placement, placement),
        batching: {
          maxRows: number('max_batch', batching.maxRows),
          maxDelayUs: number('max_delay_us', batching.maxDelayUs),
          maxQueue: number('max_queue', batching.maxQueue),
        },
        session: {
          intraOpThreads: number('intra_op_threads', session.intraOpThreads),
          interOpThreads: number('inter_op_threads', session.interOpThreads),
          optimization: word('optimization', WORDS.optimization, session.optimization),
          providers: providersFit ? providers : session.providers,
        },
      },
    },
  };
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
}
