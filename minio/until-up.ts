import { setTimeout as delay } from 'node:timers/promises';
import { BoxError } from '#lib/error/box-error.ts';

const WAIT_MS = 120_000;
const PAUSE_MS = 1000;

/**
 * Does `work`, again while the server is away: at the board's start nothing says when it is up.
 *
 * @throws what `work` throws, when it is not `unavailable` or two minutes are over.
 */
export async function untilTheServerIsUp<T>(work: () => Promise<T>): Promise<T> {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (BoxError.from(error).code !== 'unavailable' || Date.now() > end) throw error;
      await delay(PAUSE_MS);
    }
  }
}
