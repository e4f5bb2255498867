import type { Dtype } from '#lib/tensor/dtype.ts';
import type { LoadedModel } from '../model/loaded-model.ts';
import type { InputSpec, OutputSpec } from '../model/model.ts';
import type { Duration, ModelStats } from '../serving/model-stats.ts';
import type { ServedModel } from '../serving/served-model.ts';
import { DATATYPE_OF } from './datatype.ts';

export const SERVER = {
  name: 'thebox',
  extensions: ['classification', 'model_repository', 'model_configuration', 'statistics', 'binary_tensor_data'],
};

/** What a model runs on, in Triton's words where it has any. */
const platformOf = ({ builtin }: ServedModel) =>
  builtin === undefined
    ? { platform: 'onnxruntime_onnx', backend: 'onnxruntime' }
    : { platform: 'thebox_builtin', backend: 'thebox' };

/** The answer to `GET v2/models/{m}`. */
export function modelMetadata(served: ServedModel, versions: readonly string[], { signature }: LoadedModel) {
  const io = (spec: InputSpec) => ({ name: spec.name, datatype: DATATYPE_OF[spec.dtype], shape: protocolShape(spec) });
  return {
    name: served.name,
    versions,
    platform: platformOf(served).platform,
    inputs: signature.inputs.map(io),
    outputs: signature.outputs.map(io),
  };
}

/** A dynamic dimension is -1; so is all of a shape that the model leaves open. */
function protocolShape({ shape }: InputSpec): number[] {
  return shape === undefined ? [-1] : shape.map((size) => (typeof size === 'number' ? size : -1));
}

/** The answer to `GET v2/models/{m}/config`, in the words of Triton's model configuration. */
export function modelConfig(served: ServedModel, { signature, trial }: LoadedModel) {
  const { batching, session } = served.load;
  const io = (spec: InputSpec | OutputSpec) => ({
    name: spec.name,
    data_type: configType(spec.dtype),
    dims: trial.batchable ? protocolShape(spec).slice(1) : protocolShape(spec),
    ...('labels' in spec && spec.labels && { labels: spec.labels }),
  });
  return {
    name: served.name,
    ...platformOf(served),
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: trial.batchable ? batching.maxRows : 0,
    input: signature.inputs.map(io),
    output: signature.outputs.map(io),
    ...(served.labels.length > 0 && { class_labels: served.labels }),
    ...(trial.batchable && {
      dynamic_batching: {
        max_queue_delay_microseconds: batching.maxDelayUs,
        default_queue_policy: { max_queue_size: batching.maxQueue },
      },
    }),
    optimization: { graph: { level: session.optimization }, execution_providers: session.providers },
    parameters: {
      intra_op_thread_count: { string_value: String(session.intraOpThreads) },
      inter_op_thread_count: { string_value: String(session.interOpThreads) },
    },
  };
}

function configType(dtype: Dtype): string {
  return `TYPE_${dtype === 'string' ? 'STRING' : DATATYPE_OF[dtype]}`;
}

/** One entry of the answer to `GET v2/models/stats`. */
export function modelStatistics(stats: ModelStats) {
  const whole = ({ count, ns }: Duration) => ({ count, ns: Math.round(ns) });
  const none = { count: 0, ns: 0 };
  return {
    name: stats.name,
    version: stats.version,
    last_inference: stats.lastInferenceMs,
    inference_count: stats.inferenceCount,
    execution_count: stats.executionCount,
    inference_stats: {
      success: whole(stats.success),
      fail: whole(stats.fail),
      queue: whole(stats.queue),
      compute_input: whole(stats.computeInput),
      compute_infer: whole(stats.computeInfer),
      compute_output: whole(stats.computeOutput),
      cache_hit: none,
      cache_miss: none,
    },
    batch_stats: [...stats.batches]
      .toSorted(([a], [b]) => a - b)
      .map(([batch_size, infer]) => ({
        batch_size,
        compute_input: none,
        compute_infer: whole(infer),
        compute_output: none,
      })),
    memory_usage: [],
  };
}
