import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { Scenario, ScenarioRecord } from '#lib/scenario/scenario.ts';

/** A scenario document as the original's files were, its topics beginning with `name`. Each call makes a new one. */
export function originalDocument(name: string) {
  return {
    scenario_name: name,
    scenario_definition: {
      inference_definition: {
        in_topic: `${name}_features`,
        out_topic: `${name}_predictions`,
        model_descriptor: {
          model_type: 'ONNX',
          model_name: 'keystroke',
          model_input_info: [{ data_name: 'float_input', data_type: 'float32', data_shape: [1, 295] }],
          model_output_info: [
            { data_name: 'label', data_type: 'float32', data_shape: [1, 1] },
            { data_name: 'probabilities', data_type: 'float32', data_shape: [1, 2] },
          ],
          model_location: 'http://models.example/keystroke.onnx',
        },
        pred_type: { prediction_data_type: 'classificationtype' },
      },
      notification_definition: {
        in_topic: `${name}_predictions`,
        out_topic: `${name}_notifications`,
        rules: [
          { rule_name: 'typist', rule_content: "prediction['label'].data[0] == 1", notification_id: 'typist_changed' },
        ],
      },
    },
  };
}

/** A scenario of two stages: inference and notification. */
export function scenarioOf(name: string): Scenario {
  return parseScenario(originalDocument(name));
}

/** A scenario that only notifies: it reads and writes the topics given. */
export function stageOf(name: string, inTopic: string, outTopic: string): Scenario {
  const notification = { in_topic: inTopic, out_topic: outTopic, rules: [] };
  return parseScenario({ scenario_name: name, scenario_definition: { notification_definition: notification } });
}

export function recordOf(id: string, scenario: Scenario, rev = '1-a'): ScenarioRecord {
  const at = '2026-11-21T12:00:00.000Z';
  return { id, rev, scenario, paused: false, createdAt: at, updatedAt: at };
}

/** What the orchestrator answers of what it does not know. */
export const NOT_FOUND = { status: 404, headers: { 'content-type': 'application/problem+json' } } as const;
