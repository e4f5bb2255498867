import { eventError } from '#lib/function/event-batch.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';
import type { InferenceDefinition } from '#lib/scenario/scenario.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { numberAt, type Tensor } from '#lib/tensor/tensor.ts';
import type { OutputValue } from '../model/model.ts';
import { openPredictionWriter } from '../prediction/prediction-body.ts';
import { predictionEvent } from '../prediction/prediction-event.ts';
import { readFeatures } from '../prediction/read-features.ts';
import { type BuiltinModel, readBuiltinModel } from './builtin-model.ts';
import { type Running, scoreValues } from './running-score.ts';
import { type Learnt, type LoadedSource, loadSources, saveSource, sourceKey } from './source-state.ts';

export interface BuiltinBatch {
  readonly scenarioId: string;
  readonly definition: InferenceDefinition;
  readonly events: readonly CloudEvent[];
  /** Opens the store of the streaming models' state. */
  readonly store: () => Promise<StateStore>;
}

interface Read {
  readonly event: CloudEvent;
  readonly correlationId: string;
  readonly inputs: readonly Tensor[];
}

/** Makes predictions of events by a built-in model, in order; each source has a memory of its own. */
export async function runBuiltin(batch: BuiltinBatch): Promise<EventResult[]> {
  const model = readBuiltinModel(batch.definition.model_descriptor);
  const write = openPredictionWriter(model, batch.definition);
  const ranks = new Map<string, number>();
  const read = batch.events.map((event): Read | EventResult => {
    try {
      return { event, ...readFeatures(event, model, ranks) };
    } catch (error) {
      return { id: event.id, error: eventError(error) };
    }
  });
  const outputs = await outputsOf(
    model,
    batch,
    read.filter((each) => 'event' in each),
  );
  return read.map((each) => {
    if (!('event' in each)) return each;
    const values = outputs.get(each);
    if (!Array.isArray(values)) return { id: each.event.id, error: eventError(values) };
    return {
      id: each.event.id,
      events: [predictionEvent(each.event, each.correlationId, write(each.correlationId, values))],
    };
  });
}

export interface BuiltinRun {
  /** What the state is kept below; a scenario's id for its events. */
  readonly scope: string;
  readonly source: string;
  readonly inputs: readonly Tensor[];
  readonly store: () => Promise<StateStore>;
}

/**
 * Runs a built-in model on one request's inputs.
 *
 * @throws BoxError `unavailable` where the state of a streaming model cannot be kept, `conflict` when another instance was first
 */
export async function runBuiltinOnce(model: BuiltinModel, run: BuiltinRun): Promise<readonly OutputValue[]> {
  const { scope, source, inputs, store } = run;
  if (model.name === 'identity') return inputs;
  if (model.name === 'threshold') return [thresholdLabel(model, run)];
  const key = sourceKey(scope, model.name, source);
  const opened = await store();
  const loaded = (await loadSources(opened, [key])).get(key) as LoadedSource;
  const before = resume(model, loaded, '');
  const { values, shape } = numbersOf(inputs[0]);
  const { score, label, mean, next } = scoreValues(model, before, values);
  await saveSource(opened, key, { before: next, batch: [] }, loaded.revision);
  return [floats(score, shape), labels(label, shape), floats(mean, shape)];
}

/** The outputs of every event, or why there are none. */
async function outputsOf(
  model: BuiltinModel,
  batch: BuiltinBatch,
  read: readonly Read[],
): Promise<Map<Read, readonly OutputValue[] | Error>> {
  if (model.name === 'identity') return new Map(read.map((each) => [each, each.inputs]));
  if (model.name === 'threshold') return new Map(read.map((each) => [each, [thresholdLabel(model, each)]]));
  return scoredBySource(model, batch, read);
}

function thresholdLabel({ options }: BuiltinModel, { inputs }: Pick<Read, 'inputs'>): Tensor {
  const [tensor] = inputs;
  const { values, shape } = numbersOf(tensor);
  return labels(
    values.map((value) => (value < options.low || value > options.high ? 1 : 0)),
    shape,
  );
}

async function scoredBySource(
  model: BuiltinModel,
  { scenarioId, store: openStore }: BuiltinBatch,
  read: readonly Read[],
): Promise<Map<Read, readonly OutputValue[] | Error>> {
  const store = await openStore();
  const bySource = Map.groupBy(read, ({ event }) => sourceKey(scenarioId, model.name, event.source));
  const sources = await loadSources(store, [...bySource.keys()]);
  const outputs = new Map<Read, readonly OutputValue[] | Error>();
  for (const [key, events] of bySource) {
    const source = sources.get(key) as LoadedSource;
    const before = resume(model, source, events[0]?.event.id ?? '');
    let running = before;
    const batch: Learnt[] = [];
    for (const each of events) {
      const { values, shape } = numbersOf(each.inputs[0]);
      const { score, label, mean, next } = scoreValues(model, running, values);
      outputs.set(each, [floats(score, shape), labels(label, shape), floats(mean, shape)]);
      batch.push({ id: each.event.id, values });
      running = next;
    }
    await saveSource(store, key, { before, batch }, source.revision).catch((error: unknown) => {
      for (const each of events) outputs.set(each, error instanceof Error ? error : new Error(String(error)));
    });
  }
  return outputs;
}

/** What the source had been before the event: after all of its last batch, or within it when that comes again. */
function resume(model: BuiltinModel, { state }: LoadedSource, firstId: string): Running {
  const again = state.batch.findIndex(({ id }) => id === firstId);
  const learnt = again < 0 ? state.batch : state.batch.slice(0, again);
  return learnt.reduce((running, { values }) => scoreValues(model, running, values).next, state.before);
}

function numbersOf(tensor: Tensor | undefined): { values: number[]; shape: readonly number[] } {
  if (tensor === undefined) return { values: [], shape: [0] };
  return { values: Array.from({ length: tensor.data.length }, (_, i) => numberAt(tensor, i)), shape: tensor.shape };
}

function floats(values: readonly number[], shape: readonly number[]): Tensor {
  return { dtype: 'float64', shape, data: Float64Array.from(values) };
}

function labels(values: readonly number[], shape: readonly number[]): Tensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) };
}
