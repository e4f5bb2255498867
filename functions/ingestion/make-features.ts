import { BoxError } from '#lib/error/box-error.ts';
import { compileDataDescriptor, type FeatureSet } from '#lib/feature/data-descriptor.ts';
import type { LastValues } from '#lib/feature/last-values.ts';
import type { EventBatch } from '#lib/function/event-batch.ts';
import { isRecord } from '#lib/json/json-object.ts';
import type { Feature } from '#lib/message/body.ts';
import { type CloudEvent, dataJson, EVENT_TYPE, sequenceOf } from '#lib/message/cloud-event.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import type { DataDescriptor, ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { featuresEvent, partOf } from './features-event.ts';
import { type DescriptorFiles, loadFiles } from './file/descriptor-files.ts';
import { processWithLast } from './memory/last-memory.ts';
import { settleSome } from './settle.ts';
import { EventSignal, type SignalLimits } from './signal/event-signal.ts';
import { prepareEvents } from './signal/prepare-events.ts';
import { RowSignal } from './signal/row-signal.ts';
import { splitSignal } from './signal/split-signal.ts';
import { type AskableSources, openBySource, type RecordProcess } from './source-descriptors.ts';
import { processWindows, type WindowOutcome } from './window/window-process.ts';

export interface FeatureLimits extends SignalLimits {
  /** The largest features message, in bytes. */
  readonly maxFeatureBytes: number;
}

export interface FeatureMakerParts {
  readonly scenarios: ScenarioClient;
  /** Where sources may have a data descriptor of their own. */
  readonly sources?: AskableSources;
  readonly files: DescriptorFiles;
  readonly limits: FeatureLimits;
  /** Where windows and last values are kept. */
  readonly store: StateStore;
  /** Told what became of signals that add up in windows. */
  readonly onSignals: (scenarioId: string, outcome: WindowOutcome, count: number) => void;
  readonly now?: () => number;
}

/** Turns signals into features by the scenario's data descriptor. */
export function openFeatureMaker(parts: FeatureMakerParts): (batch: EventBatch) => Promise<FunctionAnswer> {
  const compiled = new WeakMap<ScenarioRecord, Promise<BatchProcess>>();
  const processRecord: RecordProcess = async (record, events, keepFrom) => {
    let process = compiled.get(record);
    if (process === undefined) {
      process = compileProcess(record, parts);
      compiled.set(record, process);
      // A failure is not kept: the file may be there the next time.
      process.catch(() => compiled.delete(record));
    }
    return (await process)(await prepareEvents(events, record, keepFrom, parts), keepFrom);
  };
  const { scenarios, sources } = parts;
  const process = sources === undefined ? processRecord : openBySource(sources, processRecord);
  return async ({ scenarioId, rev, events }) => {
    return process(await scenarios.get(scenarioId, rev), events, firstSequence(events));
  };
}

/** `keepFrom`: messages before that sequence do not come again. */
type BatchProcess = (events: readonly CloudEvent[], keepFrom: number) => Promise<FunctionAnswer>;

function firstSequence(events: readonly CloudEvent[]): number {
  return Math.min(...events.map((event) => sequenceOf(event) ?? Number.POSITIVE_INFINITY));
}

async function compileProcess(record: ScenarioRecord, parts: FeatureMakerParts): Promise<BatchProcess> {
  const descriptor = record.scenario.scenario_definition.ingestion_definition?.data_descriptor;
  if (descriptor === undefined) {
    throw new BoxError('invalid_argument', `Cannot make features: scenario ${record.id} has no ingestion_definition`);
  }
  const { files, limits, store } = parts;
  const set = compileDataDescriptor(await loadFiles(descriptor, files));
  const { window: spec } = set;
  if (spec !== undefined) {
    const windows = { ...parts, record, descriptor, set, spec, now: parts.now ?? Date.now };
    return (events, keepFrom) => processWindows(events, keepFrom, windows);
  }
  // A descriptor without features is that of a sender which makes them itself.
  const process =
    descriptor.feature_list.length === 0
      ? (event: CloudEvent) => (event.type === EVENT_TYPE.timer ? [] : [passedOn(event, descriptor, limits)])
      : describedProcess(descriptor, set, limits);
  if (!set.takesLast) return async (events) => ({ results: await settleSome(events, (event) => process(event)) });
  return async (events, keepFrom) => ({ results: await processWithLast(events, keepFrom, { record, store, process }) });
}

type LastOf = (signal: number) => LastValues;

/** A message to its features events, one for each signal in it; a promise only where a picture has to be decoded. */
type DescribedProcess = (event: CloudEvent, lastOf?: LastOf) => readonly CloudEvent[] | Promise<readonly CloudEvent[]>;

function describedProcess(descriptor: DataDescriptor, set: FeatureSet, limits: FeatureLimits): DescribedProcess {
  const eventOf = (event: CloudEvent, made: readonly Feature[]) =>
    featuresEvent(event, descriptor, made, limits.maxFeatureBytes);
  return (event, lastOf) => {
    // Of a window that the scenario had: there is nothing to close any more.
    if (event.type === EVENT_TYPE.timer) return [];
    const signal = new EventSignal(event, limits);
    const rows = splitSignal(signal, set.takesFields);
    if (rows !== undefined) return rowEvents(rows, signal, set, eventOf, lastOf);
    const features = set.make(signal, lastOf?.(0));
    if (features instanceof Promise) return features.then((made) => [eventOf(event, made)]);
    return [eventOf(event, features)];
  };
}

/** The features of each row. One row that fails fails the message: it is processed whole or not at all. */
async function rowEvents(
  rows: readonly unknown[],
  signal: EventSignal,
  set: FeatureSet,
  eventOf: (event: CloudEvent, made: readonly Feature[]) => CloudEvent,
  lastOf: LastOf | undefined,
): Promise<CloudEvent[]> {
  const events: CloudEvent[] = [];
  for (const [index, row] of rows.entries()) {
    const part = partOf(signal.event, index);
    try {
      const features = await set.make(new RowSignal(row, signal, part.id), lastOf?.(index));
      events.push(eventOf(part, features));
    } catch (thrown) {
      if (!(thrown instanceof BoxError)) throw thrown;
      throw new BoxError(thrown.code, `${thrown.message} (signal ${index + 1} of ${rows.length})`, { cause: thrown });
    }
  }
  return events;
}

/** A signal that is a features body already: it only gets the correlation id of its event. */
function passedOn(event: CloudEvent, descriptor: DataDescriptor, { maxFeatureBytes }: FeatureLimits): CloudEvent {
  const body = dataJson(event);
  const features = isRecord(body) ? body.feature_data : undefined;
  if (!Array.isArray(features) || !features.every(isFeature)) {
    throw new BoxError(
      'invalid_argument',
      'Cannot pass on signal: without a feature_list it must be features, { "feature_data": [{ "feature_name", "data" }] }',
    );
  }
  return featuresEvent(event, descriptor, features, maxFeatureBytes);
}

function isFeature(value: unknown): value is Feature {
  return isRecord(value) && typeof value.feature_name === 'string' && value.data !== undefined;
}
