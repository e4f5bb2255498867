import { setTimeout as delay } from 'node:timers/promises';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Child } from './child-process.ts';

const POLL_MS = 25;
/** Far longer than a server takes on a machine that has time. */
const DEFAULT_BOUND_MS = 120_000;
const LOG_LINES_IN_ERROR = 20;

/**
 * Waits until `probe` resolves, asking again while it rejects, and gives its value. A server that ends or is not ready in time is killed.
 *
 * @throws BoxError `unavailable` with the last lines of its log.
 */
export async function untilReady<T>(
  child: Child,
  probe: (signal: AbortSignal) => Promise<T>,
  boundMs = DEFAULT_BOUND_MS,
): Promise<T> {
  const signal = AbortSignal.timeout(boundMs);
  let last: unknown;
  while (child.running && !signal.aborted) {
    try {
      return await probe(signal);
    } catch (error) {
      last = error;
    }
    await Promise.race([delay(POLL_MS), child.exited]);
  }
  const ended = !child.running;
  await child.kill();
  const { code, signal: by } = await child.exited;
  const rule = ended
    ? `it must stay up, but ended with ${by ?? code}`
    : `it must be ready in ${boundMs / 1000} s, got ${errorText(last)}`;
  const log = child.log.last(LOG_LINES_IN_ERROR).map(({ text }) => `  ${text}`);
  throw new BoxError('unavailable', [`Cannot start ${child.name}: ${rule}; its log:`, ...log].join('\n'), {
    cause: last,
  });
}
