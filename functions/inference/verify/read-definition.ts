import { BoxError } from '#lib/error/box-error.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { InferenceDefinition } from '#lib/scenario/scenario.ts';

const PLACE = '/scenario_definition/inference_definition';

/**
 * An inference stage by itself, held to the scenario's schema; pointers are relative to the stage.
 *
 * @throws BoxError `invalid_argument` with every problem
 */
export function readInferenceDefinition(value: unknown): InferenceDefinition {
  try {
    const scenario = parseScenario({
      scenario_name: 'model',
      scenario_definition: { inference_definition: value },
    });
    const definition = scenario.scenario_definition.inference_definition;
    if (definition) return definition;
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    const problems = error.problems.map(({ pointer, message }) => ({ pointer: pointer.replace(PLACE, ''), message }));
    throw new BoxError('invalid_argument', error.message.replaceAll(PLACE, ''), { problems, cause: error });
  }
  throw new BoxError('invalid_argument', 'Cannot verify model: the body must be an inference_definition, got null');
}
