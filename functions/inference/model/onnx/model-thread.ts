import { Worker } from 'node:worker_threads';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { RunResult, SessionOptions } from '../model.ts';
import { disableTelemetry } from './runtime.ts';
import {
  type LoadedFacts,
  packTensors,
  type WorkerReply,
  type WorkerRequest,
  type WorkerValue,
} from './worker-message.ts';

/** One worker thread with the models that it has loaded. */
export interface ModelThread {
  /** Runs and loads that were begun and have not ended. */
  readonly busy: number;
  /** Loads ONNX Runtime, which the first model would do otherwise. */
  prepare(): Promise<void>;
  load(model: number, path: string, options: SessionOptions): Promise<LoadedFacts>;
  run(model: number, inputs: readonly Tensor[]): Promise<RunResult>;
  measure(model: number, inputs: readonly Tensor[]): Promise<number>;
  unload(model: number): Promise<void>;
  close(): Promise<void>;
}

type WithoutCall<T> = T extends unknown ? Omit<T, 'call'> : never;
type RequestBody = WithoutCall<WorkerRequest>;

interface Waiting {
  resolve(value: WorkerValue): void;
  reject(error: BoxError): void;
}

/** @param onDeath called when the thread ends without having been closed; what waited for it has failed by then */
export function startModelThread(onDeath: (reason: string) => void): ModelThread {
  disableTelemetry();
  const worker = new Worker(new URL('./session.worker.ts', import.meta.url));
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  let busy = 0;
  let closed = false;

  worker.on('message', (reply: WorkerReply) => {
    const call = waiting.get(reply.call);
    waiting.delete(reply.call);
    if ('error' in reply) call?.reject(new BoxError(reply.error.code, reply.error.message));
    else call?.resolve(reply.value);
  });
  const died = (reason: string) => {
    if (closed) return;
    closed = true;
    const error = new BoxError('unavailable', `Cannot run model: its thread ended: ${reason}`, {
      retryAfterSeconds: 1,
    });
    for (const call of waiting.values()) call.reject(error);
    waiting.clear();
    onDeath(reason);
  };
  worker.on('error', (error) => died(errorText(error)));
  worker.on('exit', (code) => died(`exit code ${code}`));

  const ask = (body: RequestBody, transfer: ArrayBuffer[] = []) =>
    new Promise<WorkerValue>((resolve, reject) => {
      if (closed) throw new BoxError('unavailable', 'Cannot run model: its thread has ended', { retryAfterSeconds: 1 });
      const call = ++calls;
      waiting.set(call, { resolve, reject });
      worker.postMessage({ ...body, call }, transfer);
    });

  const work = async (body: RequestBody, transfer?: ArrayBuffer[]): Promise<WorkerValue> => {
    busy++;
    try {
      return await ask(body, transfer);
    } finally {
      busy--;
    }
  };

  return {
    get busy() {
      return busy;
    },
    async prepare() {
      await ask({ type: 'prepare' });
    },
    async load(model, path, options) {
      return (await work({ type: 'load', model, path, options })) as LoadedFacts;
    },
    async run(model, inputs) {
      const { tensors, transfer } = packTensors(inputs);
      return (await work({ type: 'run', model, inputs: tensors }, transfer)) as RunResult;
    },
    async measure(model, inputs) {
      return (await work({ type: 'measure', model, inputs })) as number;
    },
    async unload(model) {
      await ask({ type: 'unload', model });
    },
    async close() {
      closed = true;
      await worker.terminate();
    },
  };
}
