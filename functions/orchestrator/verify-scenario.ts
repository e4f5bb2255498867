import { BoxError, type Problem } from '#lib/error/box-error.ts';
import { checkDataDescriptor } from '#lib/feature/data-descriptor.ts';
import { compileMessage } from '#lib/rules/message.ts';
import { functionOf, type Scenario, stagesOf } from '#lib/scenario/scenario.ts';
import type { ModelFindings, ModelVerifier } from './model-verifier.ts';

const DESCRIPTOR = '/scenario_definition/ingestion_definition/data_descriptor';
const INFERENCE = '/scenario_definition/inference_definition';
const RULES = '/scenario_definition/notification_definition/rules';

/** Whether the model is checked: `skip` takes the descriptor as it is, with a warning. */
export type ModelCheck = 'verify' | 'skip';

export interface ScenarioChecks {
  readonly models: ModelVerifier;
  /** Throws BoxError for a text that is no rule. */
  readonly compileRule: (source: string) => unknown;
}

/** What was found in a scenario that its schema cannot tell, in its features, its rules and its model. */
export interface ScenarioFindings {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Why the model could not be checked; absent when it was, or needed not be. */
  readonly unverified?: BoxError;
}

/**
 * Checks features and rules, and the model against its descriptor. What a function of the user's makes of its stage is that
 * function's to check.
 */
export async function verifyScenario(
  scenario: Scenario,
  modelCheck: ModelCheck,
  checks: ScenarioChecks,
): Promise<ScenarioFindings> {
  const problems = [
    ...featureProblems(scenario),
    ...ruleProblems(scenario, checks),
    ...captureProblems(scenario, checks),
  ];
  const warnings = [...emptyWarnings(scenario), ...foreignWarnings(scenario)];
  try {
    const model = await modelFindings(scenario, modelCheck, checks);
    return { problems: [...problems, ...model.problems], warnings: [...warnings, ...model.warnings] };
  } catch (thrown) {
    const error = BoxError.from(thrown);
    if (error.code !== 'unavailable') throw error;
    return { problems, warnings, unverified: error };
  }
}

function featureProblems(scenario: Scenario): Problem[] {
  const definition = scenario.scenario_definition.ingestion_definition;
  if (definition === undefined || functionOf('ingestion', definition) !== 'ingestion') return [];
  return checkDataDescriptor(definition.data_descriptor).map(({ pointer, message }) => ({
    pointer: DESCRIPTOR + pointer,
    message,
  }));
}

function ruleProblems(scenario: Scenario, { compileRule }: ScenarioChecks): Problem[] {
  const definition = scenario.scenario_definition.notification_definition;
  if (definition === undefined || functionOf('notification', definition) !== 'notification') return [];
  return definition.rules.flatMap((rule, i) => {
    const texts = [
      ['rule_content', compileRule],
      ['clear_content', compileRule],
      ['group_by', compileRule],
      ['message', compileMessage],
    ] as const;
    return texts.flatMap(([field, compile]): Problem[] => {
      const source = rule[field];
      const message = source === undefined ? undefined : refusalOf(source, compile);
      return message === undefined ? [] : [{ pointer: `${RULES}/${i}/${field}`, message }];
    });
  });
}

function captureProblems({ scenario_definition: { capture } }: Scenario, { compileRule }: ScenarioChecks): Problem[] {
  const message = capture?.when === undefined ? undefined : refusalOf(capture.when, compileRule);
  return message === undefined ? [] : [{ pointer: '/scenario_definition/capture/when', message }];
}

/** Why a text does not compile; undefined when it does. */
function refusalOf(source: string, compile: (source: string) => unknown): string | undefined {
  try {
    compile(source);
    return undefined;
  } catch (thrown) {
    const error = BoxError.from(thrown);
    if (error.code === 'internal') throw thrown;
    return error.message;
  }
}

async function modelFindings(
  scenario: Scenario,
  modelCheck: ModelCheck,
  { models }: ScenarioChecks,
): Promise<ModelFindings> {
  const definition = scenario.scenario_definition.inference_definition;
  if (definition === undefined || functionOf('inference', definition) !== 'inference') {
    return { problems: [], warnings: [] };
  }
  if (modelCheck === 'skip') {
    const message = 'was not checked, because the request said verify=false';
    return { problems: [], warnings: [{ pointer: `${INFERENCE}/model_descriptor`, message }] };
  }
  const { problems, warnings } = await models.verify(definition);
  const inScenario = (found: Problem): Problem => ({ ...found, pointer: INFERENCE + found.pointer });
  return { problems: problems.map(inScenario), warnings: warnings.map(inScenario) };
}

/** What is allowed but does nothing. */
function emptyWarnings(scenario: Scenario): Problem[] {
  const { ingestion_definition: ingestion, notification_definition: notification } = scenario.scenario_definition;
  const warnings: Problem[] = [];
  if (stagesOf(scenario).length === 0) {
    warnings.push({ pointer: '/scenario_definition', message: 'has no stage: the scenario does nothing' });
  }
  if (ingestion?.data_descriptor.feature_list.length === 0) {
    warnings.push({ pointer: DESCRIPTOR, message: 'lists no features: the stage gets none out of a signal' });
  }
  if (notification?.rules.length === 0) {
    warnings.push({ pointer: RULES, message: 'is empty: there will be no notifications' });
  }
  return warnings;
}

function foreignWarnings(scenario: Scenario): Problem[] {
  return stagesOf(scenario).flatMap(({ stage, definition }): Problem[] => {
    const name = functionOf(stage, definition);
    if (name === stage) return [];
    const message = `is ${name}: what that function makes of the stage was not checked`;
    return [{ pointer: `/scenario_definition/${stage}_definition/function`, message }];
  });
}
