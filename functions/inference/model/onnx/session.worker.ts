import { parentPort } from 'node:worker_threads';
import { BoxError } from '#lib/error/box-error.ts';
import type { Model } from '../model.ts';
import { freeBytes } from './free-bytes.ts';
import { loadRuntime } from './runtime.ts';
import { openSession } from './session.ts';
import { packOutputs, type WorkerReply, type WorkerRequest, type WorkerValue } from './worker-message.ts';

/** The thread in which models run: `session.run` blocks it, and nothing else does its work here. */

const port = parentPort;
if (port === null) throw new Error('session.worker must be started as a worker thread');

/** Models that are loaded or being loaded: in a thread that was started again runs come while its models still load. */
const models = new Map<number, Promise<Model>>();

function loaded(id: number): Promise<Model> {
  const model = models.get(id);
  if (model === undefined) throw new BoxError('unavailable', 'Cannot run model: it is not loaded in this thread');
  return model;
}

async function answer(request: WorkerRequest): Promise<{ value: WorkerValue; transfer: ArrayBuffer[] }> {
  switch (request.type) {
    case 'prepare':
      await loadRuntime();
      return { value: undefined, transfer: [] };
    case 'load': {
      const opening = openSession(request.path, request.options);
      models.set(request.model, opening);
      try {
        const { signature, skipped } = await opening;
        return { value: { signature, skipped }, transfer: [] };
      } catch (error) {
        models.delete(request.model);
        throw error;
      }
    }
    case 'run': {
      const { outputs, computeMs } = await (await loaded(request.model)).run(request.inputs);
      for (const { data } of request.inputs) if (ArrayBuffer.isView(data)) freeBytes(data);
      const packed = packOutputs(outputs);
      return { value: { outputs: packed.outputs, computeMs }, transfer: packed.transfer };
    }
    case 'measure':
      return { value: await (await loaded(request.model)).measure(request.inputs), transfer: [] };
    case 'unload': {
      const model = models.get(request.model);
      models.delete(request.model);
      await (await model)?.close();
      return { value: undefined, transfer: [] };
    }
  }
}

port.on('message', (request: WorkerRequest) => {
  answer(request).then(
    ({ value, transfer }) => port.postMessage({ call: request.call, value } satisfies WorkerReply, transfer),
    (thrown: unknown) => {
      const { code, message } = BoxError.from(thrown);
      const detail =
        thrown instanceof BoxError || !(thrown instanceof Error) ? message : `${message}: ${thrown.message}`;
      port.postMessage({ call: request.call, error: { code, message: detail } } satisfies WorkerReply);
    },
  );
});
