import { LRUCache } from 'lru-cache';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { askOrchestrator } from '#lib/net/ask-orchestrator.ts';
import type { InferenceDefinition, Scenario } from '#lib/scenario/scenario.ts';
import type { SecretFiles } from '#lib/secret/secret-files.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { readBuiltinModel } from '../builtin/builtin-model.ts';
import { openLoadedBuiltin } from '../builtin/loaded-builtin.ts';
import type { LoadedModel, LoadOptions } from '../model/loaded-model.ts';
import { declaredShapes } from '../model/model-registry.ts';
import type { ModelFetcher } from '../model/source/source.ts';
import { fetchModelOf } from '../prediction/scenario-models.ts';
import { readModelOptions } from './model-options.ts';
import type { ModelProvider, ServedModel } from './served-model.ts';

export interface ScenarioProviderOptions {
  readonly gatewayUrl: string;
  readonly secrets: SecretFiles;
  readonly fetcher: ModelFetcher;
  readonly load: LoadOptions;
  readonly log: Log;
  /** Opens the store of what built-in models learn. */
  readonly state: () => Promise<StateStore>;
}

/** Models that scenarios name have one version, the scenario's own. */
export const SCENARIO_VERSION = '1';

const TIMEOUT_MS = 3000;

/**
 * The models that scenarios name, each by its `model_name`, as version 1. Where two scenarios give one name to two models,
 * the first in the orchestrator's order has it. A built-in model, whose name says only what it does, goes by its scenario's
 * id too.
 */
export function openScenarioProvider(options: ScenarioProviderOptions): ModelProvider {
  // What a built-in model does next depends on what it did last: one for as long as its scenario stays as it is.
  const builtins = new LRUCache<string, LoadedModel>({ max: 500 });
  let known: readonly ServedModel[] = [];
  return {
    async list() {
      try {
        const scenarios = await listScenarios(options);
        known = scenarios.flatMap((scenario) => {
          const definition = scenario.scenario_definition.inference_definition;
          if (definition === undefined) return [];
          if (definition.model_descriptor.model_type !== 'BUILTIN') return [servedModel(definition, options)];
          return builtinModels(scenario, definition, builtins, options);
        });
      } catch (error) {
        // What is in memory runs without the orchestrator, and models of the repository are served without one too.
        options.log.warn({ err: error }, `scenarios are not known: ${errorText(error)}`);
      }
      return known;
    },
  };
}

async function listScenarios({ gatewayUrl, secrets }: ScenarioProviderOptions): Promise<readonly Scenario[]> {
  const list = await askOrchestrator('/scenario', 'application/json', { gatewayUrl, secrets, timeoutMs: TIMEOUT_MS });
  if (!Array.isArray(list)) throw new Error('the orchestrator did not answer a list');
  // The orchestrator hands out what it has checked.
  return list as Scenario[];
}

function builtinModels(
  { _id, scenario_name }: Scenario,
  { model_descriptor: descriptor }: InferenceDefinition,
  builtins: LRUCache<string, LoadedModel>,
  { load, state, log }: ScenarioProviderOptions,
): ServedModel[] {
  const id = _id ?? scenario_name;
  const tag = JSON.stringify([id, descriptor]);
  try {
    const builtin = builtins.get(tag) ?? openLoadedBuiltin(readBuiltinModel(descriptor), id, state);
    builtins.set(tag, builtin);
    const labels = descriptor.model_class_labels ?? [];
    const fetch = () =>
      Promise.reject(new BoxError('unprocessable', 'Cannot fetch model: a built-in model has no file'));
    const served = { version: SCENARIO_VERSION, labels, load, pinned: false, golden: [], tag, builtin, fetch };
    return [...new Set([descriptor.model_name, id])].map((name) => ({ ...served, name }));
  } catch (error) {
    log.warn({ err: error, scenario: id }, `a built-in model is not served by name: ${errorText(error)}`);
    return [];
  }
}

function servedModel(definition: InferenceDefinition, { fetcher, load }: ScenarioProviderOptions): ServedModel {
  const descriptor = definition.model_descriptor;
  const { options } = readModelOptions(descriptor.model_options ?? {}, load);
  return {
    name: descriptor.model_name,
    version: SCENARIO_VERSION,
    labels: descriptor.model_class_labels ?? [],
    load: { ...options.load, declared: declaredShapes(descriptor.model_input_info) },
    pinned: options.pinned,
    golden: options.golden,
    tag: JSON.stringify([
      descriptor.model_type,
      descriptor.model_location,
      descriptor.model_sha256,
      descriptor.model_options,
    ]),
    fetch: () => fetchModelOf(definition, fetcher),
  };
}
