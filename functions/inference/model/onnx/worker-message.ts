import type { ErrorCode } from '#lib/error/box-error.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { Model, OutputValue, RunResult, SessionOptions } from '../model.ts';

/** What the main thread and a worker that runs models say to each other. `call` ties an answer to its question. */
export type WorkerRequest =
  | { readonly call: number; readonly type: 'prepare' }
  | {
      readonly call: number;
      readonly type: 'load';
      readonly model: number;
      readonly path: string;
      readonly options: SessionOptions;
    }
  | {
      readonly call: number;
      readonly type: 'run' | 'measure';
      readonly model: number;
      readonly inputs: readonly Tensor[];
    }
  | { readonly call: number; readonly type: 'unload'; readonly model: number };

/** What a model that was loaded is like. */
export type LoadedFacts = Pick<Model, 'signature' | 'skipped'>;

export type WorkerValue = LoadedFacts | RunResult | number | undefined;

export type WorkerReply =
  | { readonly call: number; readonly value: WorkerValue }
  | { readonly call: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** Below this many bytes a copy is cheaper than handing the memory over. */
const TRANSFER_BYTES = 4096;

/**
 * Tensors as they can be posted to another thread, and the memory that goes along. A view of a larger buffer is copied:
 * the post would clone the whole buffer.
 */
export function packTensors(tensors: readonly Tensor[]): { tensors: Tensor[]; transfer: ArrayBuffer[] } {
  const transfer: ArrayBuffer[] = [];
  const packed = tensors.map((tensor) => {
    const { data } = tensor;
    if (!ArrayBuffer.isView(data)) return tensor;
    const own = data.byteLength === data.buffer.byteLength ? data : data.slice();
    if (own.byteLength >= TRANSFER_BYTES && own.buffer instanceof ArrayBuffer && !transfer.includes(own.buffer)) {
      transfer.push(own.buffer);
    }
    return own === data ? tensor : { ...tensor, data: own };
  });
  return { tensors: packed, transfer };
}

/** The same for outputs. */
export function packOutputs(outputs: readonly OutputValue[]): { outputs: OutputValue[]; transfer: ArrayBuffer[] } {
  const transfer: ArrayBuffer[] = [];
  const pack = (tensors: readonly Tensor[]): Tensor[] => {
    const packed = packTensors(tensors);
    transfer.push(...packed.transfer.filter((buffer) => !transfer.includes(buffer)));
    return packed.tensors;
  };
  const packed = outputs.map((output) => {
    if (output === null) return null;
    return isTensorList(output) ? pack(output) : (pack([output])[0] ?? output);
  });
  return { outputs: packed, transfer };
}

/** Whether an output is a list of tensors. */
export function isTensorList(output: OutputValue): output is readonly Tensor[] {
  return Array.isArray(output);
}
