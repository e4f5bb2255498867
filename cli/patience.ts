import { setTimeout as pause } from 'node:timers/promises';
import { BoxError } from '#lib/error/box-error.ts';

/** Tries of one call while the door says that it is busy. */
const MAX_TRIES = 6;

/** Calls again, later and later, while the appliance is busy or restarts; Ctrl-C ends the wait. */
export async function whileBusy<T>(call: () => Promise<T>, abort: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    abort.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      const busy = error instanceof BoxError && (error.code === 'resource_exhausted' || error.code === 'unavailable');
      if (!busy || tries === MAX_TRIES) throw error;
      await pause(100 * 2 ** tries, undefined, { signal: abort });
    }
  }
}

/** Works through items, so many at a time; the first failure ends it. */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const shared = (async function* () {
    yield* items;
  })();
  const worker = async () => {
    for await (const item of shared) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
