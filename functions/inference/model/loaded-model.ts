import { stat } from 'node:fs/promises';
import type { Log } from '#lib/log/log.ts';
import { elementCount, type Tensor } from '#lib/tensor/tensor.ts';
import { type DeclaredShapes, type DryRun, dryRun } from './dry-run.ts';
import type { Model, SessionOptions, Signature } from './model.ts';
import { openSession } from './onnx/session.ts';
import type { PooledModel, ThreadPool } from './onnx/thread-pool.ts';
import { type BatchedResult, openRowBatcher, type RowBatcher } from './row-batcher.ts';

export interface BatchingOptions {
  readonly maxRows: number;
  readonly maxDelayUs: number;
  readonly maxQueue: number;
}

/** Where a model runs: in worker threads, in the main thread, or as measured. */
export type Placement = 'worker' | 'main' | 'auto';

export interface LoadOptions {
  readonly session: SessionOptions;
  readonly batching: BatchingOptions;
  readonly placement: Placement;
  readonly declared?: DeclaredShapes;
}

/** A model that was loaded and tried out, with its queue. */
export interface LoadedModel {
  readonly signature: Signature;
  readonly trial: DryRun;
  readonly placement: 'worker' | 'main';
  readonly waiting: number;
  /** Worker threads that have it. */
  readonly copies: number;
  /** Loads it into one more worker thread, so that its runs need not wait for each other; nothing when all have it. */
  copy(): Promise<void>;
  /**
   * Runs the request's rows, together with those of others where the model allows it.
   *
   * @param sequence whose values these are, for a built-in model that learns; others do not look at it
   */
  submit(inputs: readonly Tensor[], sequence?: string): Promise<BatchedResult>;
  /** Frees the model once every request that was submitted has its answer. */
  close(): Promise<void>;
}

/**
 * A model that takes less than this for a row runs in the main thread: a hop to a worker costs 0.05 ms. On a slow or busy
 * machine both take longer, so a model of up to the second bound is held against a hop that is measured beside it. The
 * file's size is bounded too, because loading it blocks the thread.
 */
const MAIN_THREAD_ROW_MS = 0.05;
const MAIN_THREAD_MOST_ROW_MS = 0.3;
/** What goes with a hop, on either side of it, as a part of the hop. */
const HOP_FACTOR = 1.5;
const MAIN_THREAD_FILE_BYTES = 4 * 1024 * 1024;
/** Input elements of one run in the main thread; more go to a worker. */
const MAIN_THREAD_ELEMENTS = 16_384;
/** From this on a run is long enough for the next one to be handed over ahead of time. */
const AHEAD_ROW_MS = 0.5;
/** A batch is not to take longer than this, or small requests wait for strangers: rows are fewer for slow models. */
const BATCH_MS = 4;

/** Where models are loaded. */
export interface LoadPlace {
  readonly pool: ThreadPool;
  readonly log: Log;
  /** Called when runs wait for each other that a thread without the model could take: time for a copy. */
  onCrowded(): void;
}

/**
 * Loads an ONNX file, tries it out and decides where it runs.
 *
 * @throws BoxError `unprocessable` when it is no model that can be run.
 */
export async function loadModel(path: string, options: LoadOptions, place: LoadPlace): Promise<LoadedModel> {
  const inWorkers = await place.pool.load(path, options.session, place.onCrowded);
  try {
    return await tryAndPlace(path, options, place, inWorkers);
  } catch (error) {
    await inWorkers.close();
    throw error;
  }
}

async function tryAndPlace(
  path: string,
  options: LoadOptions,
  { pool, log }: LoadPlace,
  inWorkers: PooledModel,
): Promise<LoadedModel> {
  for (const { provider, reason } of inWorkers.skipped) {
    log.warn({ path, provider, reason }, `execution provider ${provider} is not there, the next one is taken`);
  }
  const trial = await dryRun(inWorkers, options.declared);
  const inMain = await openInMain(path, options, trial, inWorkers);
  const placement = inMain ? 'main' : 'worker';
  const maxRows = trial.batchable ? rowsOfOneBatch(options.batching.maxRows, trial.rowMs ?? 0) : 1;
  log.info({ path, placement, batchable: trial.batchable, maxRows, rowMs: trial.rowMs }, 'model loaded');
  const batcher = openRowBatcher(
    (inputs) => (inMain && elementsOf(inputs) <= MAIN_THREAD_ELEMENTS ? inMain : inWorkers).run(inputs),
    {
      ...options.batching,
      maxRows,
      maxRunning: inMain ? 1 : pool.threads * runsPerThread(trial),
    },
  );
  return loaded(inWorkers, inMain, trial, batcher);
}

function loaded(inWorkers: PooledModel, inMain: Model | undefined, trial: DryRun, batcher: RowBatcher): LoadedModel {
  return {
    signature: inWorkers.signature,
    trial,
    placement: inMain ? 'main' : 'worker',
    get waiting() {
      return batcher.waiting;
    },
    get copies() {
      return inWorkers.copies;
    },
    copy: () => inWorkers.copy(),
    submit: (inputs) => batcher.submit(inputs),
    async close() {
      await batcher.drain();
      await Promise.all([inWorkers.close(), inMain?.close()]);
    },
  };
}

async function openInMain(
  path: string,
  options: LoadOptions,
  { rowMs }: DryRun,
  inWorkers: PooledModel,
): Promise<Model | undefined> {
  const isMain =
    options.placement === 'main' ||
    (options.placement === 'auto' &&
      rowMs !== undefined &&
      (await stat(path)).size <= MAIN_THREAD_FILE_BYTES &&
      (await isQuickerThanHop(rowMs, inWorkers)));
  return isMain ? openSession(path, options.session) : undefined;
}

async function isQuickerThanHop(rowMs: number, inWorkers: PooledModel): Promise<boolean> {
  if (rowMs < MAIN_THREAD_ROW_MS || rowMs >= MAIN_THREAD_MOST_ROW_MS) return rowMs < MAIN_THREAD_ROW_MS;
  return rowMs < HOP_FACTOR * (await inWorkers.measureHop());
}

/** A slow model's next run waits in its thread already, which need not idle while the main thread is busy with others. */
function runsPerThread({ rowMs }: DryRun): number {
  return rowMs !== undefined && rowMs >= AHEAD_ROW_MS ? 2 : 1;
}

function rowsOfOneBatch(maxRows: number, rowMs: number): number {
  return rowMs === 0 ? maxRows : Math.max(1, Math.min(maxRows, Math.floor(BATCH_MS / rowMs)));
}

function elementsOf(inputs: readonly Tensor[]): number {
  return inputs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}
