import { BoxError } from '#lib/error/box-error.ts';
import type { StateStore } from '#lib/state/state-store.ts';

/** What a batch does with what is kept under a key. */
export interface KeptWork<T> {
  readonly key: string;
  /** Called anew when somebody else wrote in between: it must not remember what it was given before. */
  readonly apply: (kept: unknown) => KeptChange<T> | Promise<KeptChange<T>>;
}

export interface KeptChange<T> {
  readonly result: T;
  /** Undefined when nothing changed. */
  readonly write: { readonly value: unknown; readonly ttlMs: number } | undefined;
}

/** The only other writer is a second replica of the function that got the same batch. */
const MAX_TRIES = 8;

/**
 * Applies works to what is kept, each for itself: after a crash some are kept and some are not, so a work must give the same
 * when it comes again. Results are in the order of the works.
 *
 * @throws BoxError `unavailable`, `storage_full`, `too_large`, or `conflict` when somebody else kept on writing.
 */
export async function applyToKept<T>(store: StateStore, works: readonly KeptWork<T>[]): Promise<readonly T[]> {
  const results = new Map<KeptWork<T>, T>();
  let left = works;
  for (let tries = 0; left.length > 0; tries++) {
    if (tries === MAX_TRIES) {
      throw new BoxError('conflict', 'Cannot keep what signals add up to: others write it all the time');
    }
    const kept = await store.load(left.map(({ key }) => key));
    const done = await Promise.all(
      left.map(async (work) => {
        const { value, revision } = kept.get(work.key) ?? { value: undefined, revision: 0 };
        const { result, write } = await work.apply(value);
        results.set(work, result);
        return { work, write: write && { key: work.key, revision, ...write } };
      }),
    );
    const changed = done.flatMap(({ work, write }) => (write === undefined ? [] : [{ work, write }]));
    const outcomes = await store.save(changed.map(({ write }) => write));
    left = changed.filter((_, i) => outcomes[i] === 'conflict').map(({ work }) => work);
  }
  return works.map((work) => results.get(work) as T);
}
