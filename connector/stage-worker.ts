import type { StageMessage, StageQueue } from '#lib/bus/stage-queue.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { openAnswerSizes } from './answer-sizes.ts';
import { openBackoff } from './backoff.ts';
import { type BatchParts, processBatch } from './stage-batch.ts';
import type { StagePlan } from './stage-plan.ts';
import type { StageProgress } from './stage-progress.ts';

/** Works on one stage of one scenario: takes what waits, batch by batch, with the plan of the moment. */
export interface StageWorker {
  /** Resolves when no batch is processed with the earlier plan any more. */
  apply(plan: StagePlan): Promise<void>;
  /** Ends; a batch in flight is finished unless that takes longer than `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface StageWorkerParts extends Omit<BatchParts, 'answers' | 'queue' | 'onDone' | 'onTrouble'> {
  readonly openQueue: (plan: StagePlan) => Promise<StageQueue>;
  readonly progress: StageProgress;
  readonly log: Log;
}

const OPEN_BACKOFF = { firstMs: 200, maxMs: 10_000 };

export function startStageWorker(first: StagePlan, parts: StageWorkerParts): StageWorker {
  const stop = new AbortController();
  let next = first;
  let interrupt = new AbortController();
  let applied = Promise.withResolvers<void>();

  const run = async () => {
    let queue: StageQueue | undefined;
    const backoff = openBackoff(OPEN_BACKOFF);
    for (;;) {
      // Between two batches: the only place where the plan changes.
      const plan = next;
      interrupt = new AbortController();
      parts.progress.planned(plan);
      applied.resolve();
      applied = Promise.withResolvers<void>();
      if (plan.paused || ended) {
        queue?.close();
        queue = undefined;
      }
      if (ended) return;
      try {
        if (plan.paused) await aborted(interrupt.signal);
        else {
          queue ??= await parts.openQueue(plan);
          backoff.reset();
          await work(plan, queue, interrupt.signal);
        }
      } catch (error) {
        // Whatever it was, what is not acknowledged comes again.
        queue?.close();
        queue = undefined;
        const { code, message } = BoxError.from(error);
        if (code === 'internal') parts.log.error({ err: error }, 'a batch ended in an error that was not expected');
        parts.progress.trouble({ code, message, counted: false });
        await backoff.wait(interrupt.signal);
      }
    }
  };

  const work = async (current: StagePlan, queue: StageQueue, signal: AbortSignal) => {
    const batchParts: BatchParts = {
      ...parts,
      // Of this plan's function and of what the plan makes it do.
      answers: openAnswerSizes(),
      queue,
      onTrouble: (trouble) => parts.progress.trouble(trouble),
      onDone: (done) => parts.progress.done(done),
    };
    for (;;) {
      const messages: StageMessage[] | undefined = await queue.next(signal);
      if (messages === undefined) return;
      await processBatch(current, messages, batchParts, { interrupt: signal, stop: stop.signal });
    }
  };

  let ended = false;
  const running = run();
  return {
    async apply(changed) {
      next = changed;
      const done = applied.promise;
      interrupt.abort();
      await done;
    },
    async stop(graceMs) {
      ended = true;
      interrupt.abort();
      const timer = setTimeout(() => stop.abort(), graceMs);
      await running;
      clearTimeout(timer);
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
