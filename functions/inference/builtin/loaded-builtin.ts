import type { StateStore } from '#lib/state/state-store.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { LoadedModel } from '../model/loaded-model.ts';
import type { OutputValue } from '../model/model.ts';
import type { BatchedResult } from '../model/row-batcher.ts';
import type { BuiltinModel } from './builtin-model.ts';
import { runBuiltinOnce } from './run-builtin.ts';

/** Who values come from where a request does not say. */
const NOBODY = 'default';

/**
 * A built-in model as the Open Inference Protocol runs models. What its streaming models learn is kept by scenario and
 * sequence, apart from what the scenario's own sources taught it.
 *
 * @param store opens the store of the streaming models' state
 */
export function openLoadedBuiltin(
  model: BuiltinModel,
  scenarioId: string,
  store: () => Promise<StateStore>,
): LoadedModel {
  // One after the other: each learns from the one before.
  let last: Promise<unknown> = Promise.resolve();
  const run = async (inputs: readonly Tensor[], source: string, queuedMs: number): Promise<BatchedResult> => {
    const started = performance.now();
    const outputs: readonly OutputValue[] = await runBuiltinOnce(model, {
      scope: `oip.${scenarioId}`,
      source,
      inputs,
      store,
    });
    const computeMs = performance.now() - started;
    return { outputs, computeMs, queueMs: started - queuedMs, batchRows: inputs[0]?.shape[0] ?? 1, leads: true };
  };
  return {
    signature: { inputs: model.inputs, outputs: model.outputs },
    trial: { batchable: false, rowMs: undefined, outputShapes: [], failure: undefined, contradicts: false },
    placement: 'main',
    waiting: 0,
    copies: 0,
    copy: async () => undefined,
    submit(inputs, sequence = NOBODY) {
      const queuedMs = performance.now();
      const done = last.then(() => run(inputs, sequence, queuedMs));
      last = done.catch(() => undefined);
      return done;
    },
    close: async () => {
      await last;
    },
  };
}
