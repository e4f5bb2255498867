import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { Model, SessionOptions } from '../model.ts';
import { type ModelThread, startModelThread } from './model-thread.ts';

/** Worker threads that each hold every model of the pool, so that a run goes to whichever is idle. */
export interface ThreadPool {
  readonly threads: number;
  /** Threads without a run of theirs. */
  idle(): number;
  /** Loads a model into every thread. */
  load(path: string, options: SessionOptions): Promise<Model>;
  close(): Promise<void>;
}

interface Known {
  readonly path: string;
  readonly options: SessionOptions;
}

/** @param threads started on first use and again when they die, with the models that they held */
export function openThreadPool(threads: number, log: Log): ThreadPool {
  const known = new Map<number, Known>();
  const pool: ModelThread[] = [];
  let models = 0;
  let closed = false;

  const start = (at: number): void => {
    const thread = startModelThread((reason) => {
      log.error({ reason }, 'a model thread ended and is started again');
      if (!closed) start(at);
    });
    pool[at] = thread;
    for (const [model, { path, options }] of known) {
      thread.load(model, path, options).catch((error: unknown) => log.error({ err: error, path }, 'cannot load again'));
    }
  };
  const started = (): readonly ModelThread[] => {
    if (closed) throw new BoxError('unavailable', 'Cannot run model: the function is closing');
    while (pool.length < threads) start(pool.length);
    return pool;
  };
  const leastBusy = (): ModelThread => {
    const [first, ...rest] = started();
    if (first === undefined) throw new BoxError('internal', 'Cannot run model: there is no thread');
    return rest.reduce((best, thread) => (thread.running < best.running ? thread : best), first);
  };

  return {
    threads,
    idle: () => started().filter(({ running }) => running === 0).length,
    async load(path, options) {
      const model = ++models;
      const loads = await Promise.allSettled(started().map((thread) => thread.load(model, path, options)));
      const failed = loads.find((load) => load.status === 'rejected');
      const [first] = loads.flatMap((load) => (load.status === 'fulfilled' ? [load.value] : []));
      if (failed || first === undefined) {
        await Promise.allSettled(started().map((thread) => thread.unload(model)));
        throw failed?.reason;
      }
      known.set(model, { path, options });
      return {
        ...first,
        run: (inputs) => leastBusy().run(model, inputs),
        measure: (inputs) => leastBusy().measure(model, inputs),
        async close() {
          known.delete(model);
          if (!closed) await Promise.allSettled(pool.map((thread) => thread.unload(model)));
        },
      };
    },
    async close() {
      closed = true;
      await Promise.all(pool.map((thread) => thread.close()));
    },
  };
}
