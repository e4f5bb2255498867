import { BoxError } from '#lib/error/box-error.ts';

/**
 * The bytes as they come, until a time by the monotonic clock. Gateway and watchdog break off a call that takes them too long, and its
 * sender is told nothing: who sends slowly is to be answered before that.
 *
 * @throws BoxError `deadline_exceeded` when the source has not ended by then, and what it throws.
 */
export async function* inTime(source: AsyncIterable<Buffer>, untilMs: number): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]();
  const late = Promise.withResolvers<never>();
  // It may come when nobody waits for it: the next read tells.
  late.promise.catch(() => undefined);
  const timer = setTimeout(() => late.reject(tooSlow()), Math.max(0, untilMs - performance.now()));
  try {
    for (;;) {
      const next = await Promise.race([late.promise, iterator.next()]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    // Not waited for: it comes after a read that may be waiting for the sender.
    iterator.return?.().catch(() => undefined);
  }
}

function tooSlow(): BoxError {
  return new BoxError('deadline_exceeded', 'Cannot take all of the body: it must come faster, or in pieces');
}
