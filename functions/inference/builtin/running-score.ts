import type { BuiltinModel } from './builtin-model.ts';

/** What a source's values have been, element by element: how many, their mean, and how far they stray from it. */
export interface Running {
  readonly count: number;
  readonly mean: readonly number[];
  /** `zscore`: the sum of squared distances from the mean (Welford). `ewma`: the weighted variance. */
  readonly spread: readonly number[];
}

export const NOTHING_YET: Running = { count: 0, mean: [], spread: [] };

export interface Scored {
  readonly score: readonly number[];
  readonly label: readonly number[];
  readonly mean: readonly number[];
  readonly next: Running;
}

/**
 * Scores values against what came before them, and learns them. The score is the distance from the mean in standard
 * deviations; 0 while the source is new. A value that is no number is scored 0 and not learnt.
 */
export function scoreValues({ name, options }: BuiltinModel, before: Running, values: readonly number[]): Scored {
  // A source that changes the number of its values starts anew.
  const known = before.mean.length === values.length ? before : { count: 0, mean: values, spread: values.map(() => 0) };
  const isNew = known.count < options.min_count;
  const score = values.map((value, i) => (isNew ? 0 : distance(value, i, known, name)));
  return {
    score,
    label: score.map((each) => (Math.abs(each) > options.limit ? 1 : 0)),
    mean: known.mean.map((mean) => (Number.isFinite(mean) ? mean : 0)),
    next: learn(known, values, name, options.alpha),
  };
}

function distance(value: number, i: number, { count, mean, spread }: Running, name: BuiltinModel['name']): number {
  const variance = name === 'zscore' ? (spread[i] ?? 0) / (count - 1) : (spread[i] ?? 0);
  const away = value - (mean[i] ?? 0);
  if (!Number.isFinite(away) || away === 0) return 0;
  // All values alike so far: any other is as far away as can be.
  return variance === 0 ? Math.sign(away) * Number.MAX_VALUE : away / Math.sqrt(variance);
}

function learn({ count, mean, spread }: Running, values: readonly number[], name: string, alpha: number): Running {
  const next = values.map((value, i) => {
    const old = mean[i] ?? 0;
    if (!Number.isFinite(value)) return [Number.isFinite(old) ? old : 0, spread[i] ?? 0] as const;
    if (count === 0 || !Number.isFinite(old)) return [value, 0] as const;
    const away = value - old;
    if (name === 'zscore') {
      const moved = old + away / (count + 1);
      return [moved, (spread[i] ?? 0) + away * (value - moved)] as const;
    }
    return [old + alpha * away, (1 - alpha) * ((spread[i] ?? 0) + alpha * away * away)] as const;
  });
  return { count: count + 1, mean: next.map(([each]) => each), spread: next.map(([, each]) => each) };
}
