import { BoxError } from '#lib/error/box-error.ts';
import { ARRAY_OF, type NumericData } from '#lib/tensor/dtype.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { OutputValue, RunResult } from './model.ts';

export interface BatcherOptions {
  /** Rows that are run together at most; 1 runs every request by itself. */
  readonly maxRows: number;
  /** How long a request may wait for others, in microseconds; 0 takes what waits now. */
  readonly maxDelayUs: number;
  /** Requests that may wait; beyond it they are refused with `unavailable`. */
  readonly maxQueue: number;
  /** Runs at the same time. */
  readonly maxRunning: number;
}

/** What became of one request, and how long it waited before its run. */
export interface BatchedResult extends RunResult {
  readonly queueMs: number;
  /** The rows of the whole run. */
  readonly batchRows: number;
  /** Whether this is the first request of its run, so that runs can be counted. */
  readonly leads: boolean;
}

/** Runs the rows of requests that wait together, and gives each request its own rows back. */
export interface RowBatcher {
  /** Requests that wait. */
  readonly waiting: number;
  /** @throws BoxError `unavailable` when the queue is full, or what the model throws for this request alone */
  submit(inputs: readonly Tensor[]): Promise<BatchedResult>;
  /** Resolves when nothing waits or runs any more. */
  drain(): Promise<void>;
}

interface Request {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  /** Requests with equal keys may share a run: their tensors differ in the first dimension alone. */
  readonly key: string;
  readonly since: number;
  resolve(result: BatchedResult): void;
  reject(error: unknown): void;
}

/** Opens the queue of one model. `run` is the model's own. */
export function openRowBatcher(
  run: (inputs: readonly Tensor[]) => Promise<RunResult>,
  options: BatcherOptions,
): RowBatcher {
  const queue: Request[] = [];
  const drained: (() => void)[] = [];
  let running = 0;
  let scheduled = false;

  const pump = (): void => {
    scheduled = false;
    while (queue.length > 0 && running < options.maxRunning) {
      // Runs that can start now share what waits, so that no thread idles while another has a long batch.
      const share = options.maxRunning > 1 ? Math.ceil(queue.length / (options.maxRunning - running)) : queue.length;
      start(takeBatch(queue, options.maxRows, share));
    }
    if (queue.length === 0 && running === 0) for (const resolve of drained.splice(0)) resolve();
  };
  const start = (batch: readonly Request[]): void => {
    running++;
    runBatch(batch, run).finally(() => {
      running--;
      pump();
    });
  };
  const schedule = (): void => {
    if (scheduled || running >= options.maxRunning) return;
    scheduled = true;
    if (options.maxDelayUs === 0) queueMicrotask(pump);
    else setTimeout(pump, options.maxDelayUs / 1000);
  };

  return {
    get waiting() {
      return queue.length;
    },
    submit(inputs) {
      if (queue.length >= options.maxQueue) {
        const error = `Cannot run model: its queue holds at most ${options.maxQueue} requests, try again later`;
        return Promise.reject(new BoxError('unavailable', error, { retryAfterSeconds: 1 }));
      }
      return new Promise((resolve, reject) => {
        const rows = options.maxRows > 1 ? (inputs[0]?.shape[0] ?? 1) : 1;
        queue.push({ inputs, rows, key: keyOf(inputs), since: performance.now(), resolve, reject });
        schedule();
      });
    },
    drain: () =>
      new Promise((resolve) => {
        drained.push(resolve);
        pump();
      }),
  };
}

let loners = 0;

function keyOf(inputs: readonly Tensor[]): string {
  const rows = inputs[0]?.shape[0];
  let key = '';
  for (const { shape } of inputs) {
    // Inputs of different numbers of rows, as the model may broadcast them, mean something only by themselves.
    if (shape[0] !== rows) return `alone ${++loners}`;
    for (let i = 1; i < shape.length; i++) key += `${shape[i]},`;
    key += ';';
  }
  return key;
}

/** The next requests in order that fit one run: always at least one. */
function takeBatch(queue: Request[], maxRows: number, maxRequests: number): Request[] {
  const first = queue[0];
  let rows = 0;
  let count = 0;
  for (const request of queue) {
    if (count > 0 && (rows + request.rows > maxRows || request.key !== first?.key || count >= maxRequests)) break;
    rows += request.rows;
    count++;
  }
  return queue.splice(0, count);
}

async function runBatch(
  batch: readonly Request[],
  run: (inputs: readonly Tensor[]) => Promise<RunResult>,
): Promise<void> {
  const [only] = batch;
  const begun = performance.now();
  const rows = batch.reduce((sum, request) => sum + request.rows, 0);
  try {
    if (only === undefined) return;
    const result = await run(batch.length === 1 ? only.inputs : joinRows(batch, rows));
    const shared = batch.length === 1 || result.outputs.every((output) => isSplittable(output, rows));
    if (!shared) throw new BoxError('internal', 'Cannot share a run: an output has not one row per row of input');
    deliver(batch, result, begun);
  } catch (error) {
    if (batch.length === 1) {
      only?.reject(error);
      return;
    }
    // One bad row fails alone: halves are tried until it is found.
    const half = Math.ceil(batch.length / 2);
    await runBatch(batch.slice(0, half), run);
    await runBatch(batch.slice(half), run);
  }
}

function deliver(batch: readonly Request[], { outputs, computeMs }: RunResult, begun: number): void {
  const [only] = batch;
  if (batch.length === 1) {
    only?.resolve({ outputs, computeMs, queueMs: begun - only.since, batchRows: only.rows, leads: true });
    return;
  }
  const batchRows = batch.reduce((sum, { rows }) => sum + rows, 0);
  let from = 0;
  for (const request of batch) {
    const to = from + request.rows;
    const own = outputs.map((output) => rowsOf(output as Tensor, from, to));
    request.resolve({ outputs: own, computeMs, queueMs: begun - request.since, batchRows, leads: from === 0 });
    from = to;
  }
}

function isSplittable(output: OutputValue, rows: number): boolean {
  return output !== null && !Array.isArray(output) && 'shape' in output && output.shape[0] === rows;
}

/** Rows `from` to `to` (not included) of a tensor, sharing its memory. */
export function rowsOf(tensor: Tensor, from: number, to: number): Tensor {
  const { dtype, shape, data } = tensor;
  const size = shape[0] ? data.length / shape[0] : 0;
  const rows = ArrayBuffer.isView(data) ? data.subarray(from * size, to * size) : data.slice(from * size, to * size);
  return { dtype, shape: [to - from, ...shape.slice(1)], data: rows };
}

function joinRows(batch: readonly Request[], rows: number): Tensor[] {
  const count = batch[0]?.inputs.length ?? 0;
  return Array.from({ length: count }, (_, i) =>
    joinTensors(
      batch.map(({ inputs }) => inputs[i] as Tensor),
      rows,
    ),
  );
}

function joinTensors(tensors: readonly Tensor[], rows: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new BoxError('internal', 'Cannot join tensors: there is none');
  const shape = [rows, ...first.shape.slice(1)];
  if (first.dtype === 'string') {
    return { dtype: 'string', shape, data: tensors.flatMap(({ data }) => data as readonly string[]) };
  }
  const length = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const joined = new ARRAY_OF[first.dtype](length);
  let at = 0;
  for (const { data } of tensors) {
    // Two arrays of one dtype: of bigint both, or of number both.
    (joined as Float64Array).set(data as Float64Array, at);
    at += (data as NumericData).length;
  }
  return { dtype: first.dtype, shape, data: joined };
}
