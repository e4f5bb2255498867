import type { PredictionBody, PredictionData } from '#lib/message/body.ts';
import type { InferenceDefinition } from '#lib/scenario/scenario.ts';
import type { OutputSpec, OutputValue, Signature } from '../model/model.ts';
import { classify } from './classify.ts';
import { outputData } from './output-data.ts';

/** Makes the prediction of one event's outputs. */
export type PredictionWriter = (correlationId: string, outputs: readonly OutputValue[]) => PredictionBody;

/**
 * The outputs that the scenario declares, in its order; all of the model's where it declares none of them. With
 * `classificationtype`, what class they stand for too.
 */
export function openPredictionWriter(
  signature: Pick<Signature, 'outputs'>,
  definition: InferenceDefinition,
): PredictionWriter {
  const { model_output_info: declared, model_class_labels: labels = [] } = definition.model_descriptor;
  const places = declared
    .map(({ data_name }) => signature.outputs.findIndex(({ name }) => name === data_name))
    .filter((place) => place >= 0);
  const chosen = places.length > 0 ? places : signature.outputs.map((_, place) => place);
  const classifies = definition.pred_type.prediction_data_type === 'classificationtype';
  const specs = chosen.map((place) => signature.outputs[place] as OutputSpec);
  return (correlationId, outputs) => {
    const values = chosen.map((place) => outputs[place] ?? null);
    const entries = specs.map((spec, i) => ({ spec, value: values[i] ?? null }));
    // More than one row has no one class.
    const classes = classifies && values.every(isOneRow) ? classify(entries, labels) : [];
    const data = entries.map(({ spec, value }, i): [string, PredictionData] => [
      spec.name,
      { data: outputData(spec, value), ...classes[i] },
    ]);
    return { correlation_id: correlationId, prediction_data: Object.fromEntries(data) };
  };
}

function isOneRow(value: OutputValue): boolean {
  return value === null || Array.isArray(value) || !('shape' in value) || (value.shape[0] ?? 1) <= 1;
}
