import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import type { InferenceDefinition, ModelDescriptor, ModelIo, ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { LoadedModel, LoadOptions } from '../model/loaded-model.ts';
import { declaredShapes, type ModelRef, type ModelRegistry } from '../model/model-registry.ts';
import type { FetchedModel, ModelFetcher } from '../model/source/source.ts';
import { readModelOptions } from '../serving/model-options.ts';
import { convertAdvice } from './convert-advice.ts';

/** The model of one revision of a scenario's inference stage. */
export interface StageModel {
  readonly definition: InferenceDefinition;
  /** How many dimensions the scenario declares for each input. */
  readonly declaredRanks: ReadonlyMap<string, number>;
  use<T>(work: (model: LoadedModel) => Promise<T>): Promise<T>;
}

/** The models of scenarios, fetched once for each revision and loaded once for equal content. */
export interface ScenarioModels {
  /** @throws BoxError when the scenario has no inference stage or its model cannot be fetched */
  of(record: ScenarioRecord): Promise<StageModel>;
  close(): void;
}

export interface ScenarioModelsOptions {
  readonly fetcher: ModelFetcher;
  readonly registry: ModelRegistry;
  readonly load: LoadOptions;
  /** Revisions whose file is known; beyond it the one used longest ago is fetched again. */
  readonly maxKept?: number;
}

/** How long the model of a replaced revision is kept for messages that are delivered again. */
const SUPERSEDED_MS = 10_000;

export function openScenarioModels(options: ScenarioModelsOptions): ScenarioModels {
  const kept = new LRUCache<string, Promise<OpenedStage>>({
    max: options.maxKept ?? 200,
    dispose: (opened) => giveUp(opened),
  });
  const current = new Map<string, string>();
  const retiring = new Set<NodeJS.Timeout>();

  const supersede = (id: string, key: string): void => {
    const before = current.get(id);
    if (before === key) return;
    current.set(id, key);
    if (before === undefined) return;
    const timer = setTimeout(() => {
      retiring.delete(timer);
      if (current.get(id) !== before) kept.delete(before);
    }, SUPERSEDED_MS).unref();
    retiring.add(timer);
  };

  return {
    of(record) {
      const key = `${record.id} ${record.rev}`;
      const known = kept.get(key);
      if (known) return known;
      const opened = openStage(record, options);
      kept.set(key, opened);
      opened.then(
        () => supersede(record.id, key),
        // A failure is not kept: the next batch tries again.
        () => kept.delete(key),
      );
      return opened;
    },
    close() {
      for (const timer of retiring) clearTimeout(timer);
    },
  };
}

interface OpenedStage extends StageModel {
  release(): Promise<void>;
}

function giveUp(opened: Promise<OpenedStage>): void {
  opened.then(
    (stage) => stage.release(),
    () => undefined,
  );
}

async function openStage(record: ScenarioRecord, options: ScenarioModelsOptions): Promise<OpenedStage> {
  const definition = record.scenario.scenario_definition.inference_definition;
  if (definition === undefined) {
    throw new BoxError('unprocessable', `Cannot run the model of scenario ${record.id}: it has no inference stage`);
  }
  const { model_input_info: inputs, model_options = {} } = definition.model_descriptor;
  // What was accepted has no problems; an option that is refused since has its default.
  const { load, pinned } = readModelOptions(model_options, options.load).options;
  const fetch = () => fetchModelOf(definition, options.fetcher);
  let file = await fetch();
  const ref = (): ModelRef => ({ file, pinned, options: { ...load, declared: declaredShapes(inputs) } });
  const claim = options.registry.claim(ref());
  return {
    definition,
    release: () => claim.release(),
    declaredRanks: new Map(inputs.map(({ data_name, data_shape }) => [data_name, data_shape.length])),
    async use(work) {
      if (!options.registry.isLoaded(ref())) file = await fetchAgain(file, definition, options.fetcher);
      return options.registry.use(ref(), work);
    },
  };
}

/** The same content from the cache on disk, or from its source when the cache has dropped it. */
async function fetchAgain(
  file: FetchedModel,
  definition: InferenceDefinition,
  fetcher: ModelFetcher,
): Promise<FetchedModel> {
  return (await fetcher.has(file)) ? file : fetchModelOf(definition, fetcher);
}

/**
 * Fetches the model that an inference stage names.
 *
 * @throws BoxError `unprocessable` for a stage that names none, or what the fetcher throws
 */
export function fetchModelOf({ model_descriptor }: InferenceDefinition, fetcher: ModelFetcher): Promise<FetchedModel> {
  const { model_type, model_location, model_sha256 } = model_descriptor;
  if (model_type === 'BUILTIN') {
    return Promise.reject(new BoxError('unprocessable', 'Cannot fetch model: a built-in model has no file'));
  }
  if (model_location === undefined) {
    return Promise.reject(new BoxError('unprocessable', 'Cannot fetch model: model_location must be given'));
  }
  if (model_type === 'ONNX') return fetcher.fetch(model_location, model_sha256);
  return fetchConverted(model_descriptor, model_location, fetcher);
}

async function fetchConverted(
  descriptor: ModelDescriptor,
  location: string,
  fetcher: ModelFetcher,
): Promise<FetchedModel> {
  const tensors = (list: readonly ModelIo[]) =>
    list.map(({ data_name, data_shape }) => ({ name: data_name, shape: data_shape }));
  const { model_input_info, model_output_info, model_sha256 } = descriptor;
  const named = { inputs: tensors(model_input_info), outputs: tensors(model_output_info) };
  try {
    return await fetcher.fetchConverted(location, named, model_sha256);
  } catch (error) {
    if (!(error instanceof BoxError && error.code === 'not_implemented')) throw error;
    throw new BoxError('unprocessable', `Cannot run model: ${convertAdvice(descriptor)}`, { cause: error });
  }
}
