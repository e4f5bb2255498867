import type { PredictionBody } from '#lib/message/body.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';

/** The most that a fact of a sample may have. */
const MAX_CHARACTERS = 500;

/**
 * What the model said, as text: the class where an output tells one, else the outputs as JSON; undefined when that is longer than a
 * sample may carry.
 */
export function predictionText(prediction: PredictionBody['prediction_data']): string | undefined {
  const label = Object.values(prediction).find((output) => output.class_label != null)?.class_label;
  const text =
    label ?? JSON.stringify(Object.fromEntries(Object.entries(prediction).map(([name, { data }]) => [name, data])));
  return text.length <= MAX_CHARACTERS ? text : undefined;
}

/** `NAME@SHA256` of the model file where the scenario pins it, else `NAME@REVISION` of the scenario that made the prediction. */
export function modelVersion({ scenario }: ScenarioRecord, rev: string): string | undefined {
  const model = scenario.scenario_definition.inference_definition?.model_descriptor;
  const text = `${model?.model_name}@${model?.model_sha256 ?? rev}`;
  return text.length <= MAX_CHARACTERS ? text : undefined;
}
