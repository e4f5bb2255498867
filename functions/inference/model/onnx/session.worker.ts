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

const models = new Map<number, Model>();

function loaded(id: number): Model {
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
      const model = await openSession(request.path, request.options);
      models.set(request.model, model);
      return { value: { signature: model.signature, skipped: model.skipped }, transfer: [] };
    }
    case 'run': {
      const { outputs, computeMs } = await loaded(request.model).run(request.inputs);
      for (const { data } of request.inputs) if (ArrayBuffer.isView(data)) freeBytes(data);
      const packed = packOutputs(outputs);
      return { value: { outputs: packed.outputs, computeMs }, transfer: packed.transfer };
    }
    case 'measure':
      return { value: await loaded(request.model).measure(request.inputs), transfer: [] };
    case 'unload': {
      await models.get(request.model)?.close();
      models.delete(request.model);
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
