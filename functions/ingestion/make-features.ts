import { BoxError } from '#lib/error/box-error.ts';
import { compileDataDescriptor, type FeatureSet } from '#lib/feature/data-descriptor.ts';
import { isRecord } from '#lib/feature/given.ts';
import { type EventBatch, eventError } from '#lib/function/event-batch.ts';
import type { Feature, FeaturesBody } from '#lib/message/body.ts';
import { type CloudEvent, correlationIdOf, dataJson, EVENT_TYPE } from '#lib/message/cloud-event.ts';
import type { EventResult, FunctionAnswer } from '#lib/message/function-answer.ts';
import type { DataDescriptor, ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { type DescriptorFiles, loadFiles } from './file/descriptor-files.ts';
import { EventSignal, type SignalLimits } from './signal/event-signal.ts';
import { RowSignal } from './signal/row-signal.ts';
import { splitSignal } from './signal/split-signal.ts';

export interface FeatureLimits extends SignalLimits {
  /** The largest features message, in bytes. */
  readonly maxFeatureBytes: number;
}

/** Pictures that are decoded at the same time: what sharp's threads can work on. */
const AT_ONCE = 4;

/** Turns signals into features by the scenario's data descriptor. */
export function openFeatureMaker(
  scenarios: ScenarioClient,
  files: DescriptorFiles,
  limits: FeatureLimits,
): (batch: EventBatch) => Promise<FunctionAnswer> {
  const compiled = new WeakMap<ScenarioRecord, Promise<SignalProcess>>();
  return async (batch) => {
    const record = await scenarios.get(batch.scenarioId, batch.rev);
    let process = compiled.get(record);
    if (process === undefined) {
      process = compileProcess(record, files, limits);
      compiled.set(record, process);
      // A failure is not kept: the file may be there the next time.
      process.catch(() => compiled.delete(record));
    }
    return { results: await settleSome(batch.events, await process) };
  };
}

/** A message to its features events, one for each signal in it; a promise only where a picture has to be decoded. */
type SignalProcess = (event: CloudEvent) => readonly CloudEvent[] | Promise<readonly CloudEvent[]>;

async function compileProcess(
  record: ScenarioRecord,
  files: DescriptorFiles,
  limits: FeatureLimits,
): Promise<SignalProcess> {
  const descriptor = record.scenario.scenario_definition.ingestion_definition?.data_descriptor;
  if (descriptor === undefined) {
    throw new BoxError('invalid_argument', `Cannot make features: scenario ${record.id} has no ingestion_definition`);
  }
  // A descriptor without features is that of a sender which makes them itself.
  if (descriptor.feature_list.length === 0) return (event) => [passedOn(event, descriptor, limits)];
  return describedProcess(descriptor, compileDataDescriptor(await loadFiles(descriptor, files)), limits);
}

function describedProcess(descriptor: DataDescriptor, set: FeatureSet, limits: FeatureLimits): SignalProcess {
  return (event) => {
    const signal = new EventSignal(event, limits);
    const rows = splitSignal(signal, set.takesFields);
    if (rows !== undefined) return rowEvents(rows, signal, descriptor, set, limits);
    const features = set.make(signal);
    if (features instanceof Promise) return features.then((made) => [featuresEvent(event, descriptor, made, limits)]);
    return [featuresEvent(event, descriptor, features, limits)];
  };
}

/** The features of each row. One row that fails fails the message: it is processed whole or not at all. */
async function rowEvents(
  rows: readonly unknown[],
  signal: EventSignal,
  descriptor: DataDescriptor,
  set: FeatureSet,
  limits: FeatureLimits,
): Promise<CloudEvent[]> {
  const { event } = signal;
  const events: CloudEvent[] = [];
  for (const [index, row] of rows.entries()) {
    const id = `${event.id}.${index}`;
    const correlationid = `${correlationIdOf(event)}.${index}`;
    try {
      const features = await set.make(new RowSignal(row, signal, id));
      events.push(featuresEvent({ ...event, id, correlationid }, descriptor, features, limits));
    } catch (thrown) {
      if (!(thrown instanceof BoxError)) throw thrown;
      throw new BoxError(thrown.code, `${thrown.message} (signal ${index + 1} of ${rows.length})`, { cause: thrown });
    }
  }
  return events;
}

/** A signal that is a features body already: it only gets the correlation id of its event. */
function passedOn(event: CloudEvent, descriptor: DataDescriptor, limits: FeatureLimits): CloudEvent {
  const body = dataJson(event);
  const features = isRecord(body) ? body.feature_data : undefined;
  if (!Array.isArray(features) || !features.every(isFeature)) {
    throw new BoxError(
      'invalid_argument',
      'Cannot pass on signal: without a feature_list it must be features, { "feature_data": [{ "feature_name", "data" }] }',
    );
  }
  return featuresEvent(event, descriptor, features, limits);
}

function isFeature(value: unknown): value is Feature {
  return isRecord(value) && typeof value.feature_name === 'string' && value.data !== undefined;
}

function featuresEvent(
  event: CloudEvent,
  descriptor: DataDescriptor,
  features: readonly Feature[],
  limits: FeatureLimits,
): CloudEvent {
  const correlationId = correlationIdOf(event);
  const data: FeaturesBody = {
    correlation_id: correlationId,
    data_descriptor_name: descriptor.ingestion_data_name,
    feature_data: features,
  };
  checkSize(data, limits.maxFeatureBytes);
  return {
    specversion: '1.0',
    // The same signal always makes the same id, so that a batch which is processed again is recognised.
    id: `${event.id}.features`,
    source: event.source,
    type: EVENT_TYPE.features,
    ...(event.time !== undefined && { time: event.time }),
    datacontenttype: 'application/json',
    correlationid: correlationId,
    ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
    data,
  };
}

/** Most messages are far below the limit, and told so without being written: only what may be near it is measured exactly. */
function checkSize(data: FeaturesBody, maxBytes: number): void {
  const rough = data.feature_data.reduce((sum, feature) => sum + roughBytes(feature), 1000);
  if (rough <= maxBytes) return;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes <= maxBytes) return;
  throw new BoxError('too_large', `Cannot send features: the message may have ${maxBytes} bytes at most, got ${bytes}`);
}

const NUMBER_BYTES = 30;

/** At most what a feature takes as JSON; endless where that is not seen at once. */
function roughBytes({ feature_name: name, data }: Feature): number {
  const head = 100 + 6 * name.length;
  if (typeof data === 'number') return head + NUMBER_BYTES;
  if (Array.isArray(data)) {
    return typeof data[0] === 'number' ? head + NUMBER_BYTES * data.length : Number.POSITIVE_INFINITY;
  }
  if (isRecord(data) && typeof data.data === 'string') return head + 500 + data.data.length;
  return Number.POSITIVE_INFINITY;
}

/** Each event with its own result, in order. Events that need no waiting are done without: a batch of 256 in one go. */
async function settleSome(events: readonly CloudEvent[], process: SignalProcess): Promise<EventResult[]> {
  const results: EventResult[] = new Array(events.length);
  const running = new Set<Promise<void>>();
  const settle = async (index: number, id: string, made: Promise<readonly CloudEvent[]>): Promise<void> => {
    try {
      results[index] = { id, events: await made };
    } catch (thrown) {
      results[index] = { id, error: eventError(thrown) };
    }
  };
  for (const [index, event] of events.entries()) {
    try {
      const made = process(event);
      if (!(made instanceof Promise)) {
        results[index] = { id: event.id, events: made };
        continue;
      }
      const settled: Promise<void> = settle(index, event.id, made).finally(() => running.delete(settled));
      running.add(settled);
      if (running.size >= AT_ONCE) await Promise.race(running);
    } catch (thrown) {
      results[index] = { id: event.id, error: eventError(thrown) };
    }
  }
  await Promise.all(running);
  return results;
}
