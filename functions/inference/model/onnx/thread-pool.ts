import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { Model, SessionOptions } from '../model.ts';
import { type ModelThread, startModelThread } from './model-thread.ts';

/**
 * Worker threads for models. A model is loaded into the thread that has the fewest, and may be copied into others: runs
 * of it go to whichever of its threads has the least to do. A thread is started when the first model goes there.
 */
export interface ThreadPool {
  /** Threads that there are at most. */
  readonly threads: number;
  /**
   * Starts the thread that the next model goes to and loads ONNX Runtime there, so that what the process grows by in
   * `load` is the model's alone.
   */
  ready(): Promise<void>;
  /** @param onCrowded called when a run has to wait for another although a thread without the model could take it */
  load(path: string, options: SessionOptions, onCrowded: () => void): Promise<PooledModel>;
  close(): Promise<void>;
}

/** A model in one thread or in more. */
export interface PooledModel extends Model {
  /** Threads that have it. */
  readonly copies: number;
  /** Loads it into one more thread; does nothing when all have it. */
  copy(): Promise<void>;
  /** How long a message to its thread and back takes at best now, in milliseconds. */
  measureHop(): Promise<number>;
}

interface Known {
  readonly path: string;
  readonly options: SessionOptions;
}

interface Slot {
  thread: ModelThread;
  /** What its thread holds, and gets again when it is started anew. */
  readonly models: Map<number, Known>;
}

/** A thread that ends so soon may do so each time, with a model that takes too much memory to load. */
const SHORT_LIFE_MS = 5_000;
/** So often it is started again at once. */
const SHORT_LIVES_AT_ONCE = 3;
const LONGEST_DELAY_MS = 10_000;

function restartDelayMs(shortLives: number): number {
  return Math.min(100 * 2 ** (shortLives - SHORT_LIVES_AT_ONCE), LONGEST_DELAY_MS);
}

/** Messages that are sent to learn how long one takes. */
const HOPS = 20;

/** @param threads at most; one that dies is started again with the models that it held */
export function openThreadPool(threads: number, log: Log): ThreadPool {
  const slots: Slot[] = [];
  let models = 0;
  let closed = false;

  const startThread = (again: () => void): ModelThread =>
    startModelThread((reason) => {
      log.error({ reason }, 'a model thread ended and is started again');
      if (!closed) again();
    });
  const startSlot = (): Slot => {
    if (closed) throw new BoxError('unavailable', 'Cannot run model: the function is closing');
    let startedMs = performance.now();
    let shortLives = 0;
    const again = (): void => {
      shortLives = performance.now() - startedMs < SHORT_LIFE_MS ? shortLives + 1 : 0;
      if (shortLives <= SHORT_LIVES_AT_ONCE) start();
      else setTimeout(start, restartDelayMs(shortLives)).unref();
    };
    const start = (): void => {
      if (closed) return;
      startedMs = performance.now();
      slot.thread = startThread(again);
      for (const [model, { path, options }] of slot.models) {
        slot.thread
          .load(model, path, options)
          .catch((error: unknown) => log.error({ err: error, path }, 'cannot load again'));
      }
    };
    const slot: Slot = { thread: startThread(again), models: new Map() };
    slots.push(slot);
    return slot;
  };
  /** Where a model goes next: the thread with the fewest that has it not, a new one before one that has any. */
  const emptiest = (model?: number): Slot | undefined => {
    const without = slots.filter((slot) => model === undefined || !slot.models.has(model));
    const [found] = without.toSorted((a, b) => a.models.size - b.models.size);
    if (slots.length < threads && (found === undefined || found.models.size > 0)) return startSlot();
    return found;
  };

  return {
    threads,
    async ready() {
      await emptiest()?.thread.prepare();
    },
    async load(path, options, onCrowded) {
      const model = ++models;
      // It may be given up while it is copied.
      let given = true;
      const holders: Slot[] = [];
      const loadInto = async (slot: Slot) => {
        const facts = await slot.thread.load(model, path, options);
        if (given) {
          slot.models.set(model, { path, options });
          holders.push(slot);
        } else await slot.thread.unload(model);
        return facts;
      };
      const first = emptiest();
      if (first === undefined) throw new BoxError('internal', 'Cannot load model: there is no thread');
      const facts = await loadInto(first);
      const leastBusy = (): ModelThread => {
        const { thread } = holders.reduce((best, slot) => (slot.thread.busy < best.thread.busy ? slot : best), first);
        if (thread.busy > 0 && holders.length < threads) onCrowded();
        return thread;
      };
      return {
        ...facts,
        get copies() {
          return holders.length;
        },
        run: (inputs: readonly Tensor[]) => leastBusy().run(model, inputs),
        measure: (inputs: readonly Tensor[]) => first.thread.measure(model, inputs),
        async measureHop() {
          let best = Number.POSITIVE_INFINITY;
          for (let i = 0; i < HOPS; i++) {
            const started = performance.now();
            await first.thread.prepare();
            best = Math.min(best, performance.now() - started);
          }
          return best;
        },
        async copy() {
          const slot = holders.length < threads ? emptiest(model) : undefined;
          if (slot !== undefined) await loadInto(slot);
        },
        async close() {
          given = false;
          for (const { models } of holders) models.delete(model);
          if (!closed) await Promise.allSettled(holders.map(({ thread }) => thread.unload(model)));
        },
      };
    },
    async close() {
      closed = true;
      await Promise.all(slots.map(({ thread }) => thread.close()));
    },
  };
}
