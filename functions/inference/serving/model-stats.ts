import type { BatchedResult } from '../model/row-batcher.ts';

/** How often something happened and how long it took in all. */
export interface Duration {
  count: number;
  ns: number;
}

/** What a model did since the function was started, as Triton counts it. */
export interface ModelStats {
  readonly name: string;
  readonly version: string;
  /** When the last request was answered, in milliseconds since 1970; 0 for never. */
  lastInferenceMs: number;
  /** Rows. */
  inferenceCount: number;
  /** Runs: a run may serve many rows. */
  executionCount: number;
  readonly success: Duration;
  readonly fail: Duration;
  readonly queue: Duration;
  readonly computeInput: Duration;
  readonly computeInfer: Duration;
  readonly computeOutput: Duration;
  /** Runs by their number of rows. */
  readonly batches: Map<number, Duration>;
}

/** One request that was answered. */
export interface ServedRequest {
  readonly rows: number;
  readonly result: BatchedResult;
  readonly inputMs: number;
  readonly outputMs: number;
  readonly totalMs: number;
}

/** The statistics of every model that was asked for. */
export interface StatsBook {
  served(name: string, version: string, request: ServedRequest): void;
  failed(name: string, version: string, totalMs: number): void;
  of(name: string, version: string): ModelStats;
  list(): readonly ModelStats[];
}

const NS_PER_MS = 1e6;

export function openStatsBook(): StatsBook {
  const book = new Map<string, ModelStats>();
  const of = (name: string, version: string): ModelStats => {
    const key = `${version} ${name}`;
    const known = book.get(key);
    if (known) return known;
    const fresh = emptyStats(name, version);
    book.set(key, fresh);
    return fresh;
  };
  return {
    of,
    list: () => [...book.values()],
    served(name, version, request) {
      const stats = of(name, version);
      const { result } = request;
      stats.lastInferenceMs = Date.now();
      stats.inferenceCount += request.rows;
      add(stats.success, request.totalMs);
      add(stats.queue, result.queueMs);
      add(stats.computeInput, request.inputMs);
      add(stats.computeInfer, result.computeMs);
      add(stats.computeOutput, request.outputMs);
      if (result.leads) countRun(stats, result);
    },
    failed(name, version, totalMs) {
      add(of(name, version).fail, totalMs);
    },
  };
}

function countRun(stats: ModelStats, { batchRows, computeMs }: BatchedResult): void {
  stats.executionCount++;
  const known = stats.batches.get(batchRows);
  if (known) add(known, computeMs);
  else stats.batches.set(batchRows, { count: 1, ns: computeMs * NS_PER_MS });
}

function add(duration: Duration, ms: number): void {
  duration.count++;
  duration.ns += ms * NS_PER_MS;
}

function emptyStats(name: string, version: string): ModelStats {
  const none = (): Duration => ({ count: 0, ns: 0 });
  return {
    name,
    version,
    lastInferenceMs: 0,
    inferenceCount: 0,
    executionCount: 0,
    success: none(),
    fail: none(),
    queue: none(),
    computeInput: none(),
    computeInfer: none(),
    computeOutput: none(),
    batches: new Map(),
  };
}
