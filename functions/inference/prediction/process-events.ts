import { BoxError, errorText } from '#lib/error/box-error.ts';
import { type EventBatch, eventError } from '#lib/function/event-batch.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult, FunctionAnswer } from '#lib/message/function-answer.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { runBuiltin } from '../builtin/run-builtin.ts';
import type { LoadedModel } from '../model/loaded-model.ts';
import type { StatsBook } from '../serving/model-stats.ts';
import { SCENARIO_VERSION } from '../serving/scenario-provider.ts';
import { openPredictionWriter, type PredictionWriter } from './prediction-body.ts';
import { predictionEvent } from './prediction-event.ts';
import { readFeatures } from './read-features.ts';
import type { ScenarioModels, StageModel } from './scenario-models.ts';

/**
 * Makes predictions of the connector's events, the rows of a whole batch together where the model allows it. An event
 * that does not fit the model fails alone. A model that cannot be had is nobody's fault: all are tried again.
 */
export function openEventProcessor(
  scenarios: ScenarioClient,
  models: ScenarioModels,
  stats: StatsBook,
  builtinState: () => Promise<StateStore>,
): (batch: EventBatch) => Promise<FunctionAnswer> {
  return async ({ events, scenarioId, rev }) => {
    const record = await scenarios.get(scenarioId, rev);
    const definition = record.scenario.scenario_definition.inference_definition;
    if (definition?.model_descriptor.model_type === 'BUILTIN') {
      return { results: await runBuiltin({ scenarioId, definition, events, store: builtinState }) };
    }
    const stage = await models.of(record).catch((error: unknown) => {
      throw noModel(scenarioId, error);
    });
    const results = await stage
      .use((model) => predict(events, model, stage, stats))
      .catch((error: unknown) => {
        throw noModel(scenarioId, error);
      });
    return { results };
  };
}

async function predict(
  events: readonly CloudEvent[],
  model: LoadedModel,
  stage: StageModel,
  stats: StatsBook,
): Promise<EventResult[]> {
  const write = openPredictionWriter(model.signature, stage.definition);
  return Promise.all(events.map((event) => predictOne(event, model, stage, write, stats)));
}

async function predictOne(
  event: CloudEvent,
  model: LoadedModel,
  { definition, declaredRanks }: StageModel,
  write: PredictionWriter,
  stats: StatsBook,
): Promise<EventResult> {
  const { model_name: name } = definition.model_descriptor;
  const started = performance.now();
  try {
    const { correlationId, inputs } = readFeatures(event, model.signature, declaredRanks);
    const read = performance.now();
    const result = await model.submit(inputs);
    const ran = performance.now();
    const prediction = write(correlationId, result.outputs);
    const done = performance.now();
    stats.served(name, SCENARIO_VERSION, {
      rows: inputs[0]?.shape[0] ?? 1,
      result,
      inputMs: read - started,
      outputMs: done - ran,
      totalMs: done - started,
    });
    return { id: event.id, events: [predictionEvent(event, correlationId, prediction)] };
  } catch (error) {
    stats.failed(name, SCENARIO_VERSION, performance.now() - started);
    return { id: event.id, error: eventError(error) };
  }
}

function noModel(scenarioId: string, error: unknown): BoxError {
  if (error instanceof BoxError && error.code === 'resource_exhausted') return error;
  return new BoxError('unavailable', `Cannot run the model of scenario ${scenarioId}: ${errorText(error)}`, {
    cause: error,
    retryAfterSeconds: 5,
  });
}
