import { createHash } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { StoredMessage, StoredMessages } from '#lib/bus/stored-messages.ts';
import { entranceOf, stageSubject } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { type EventBatch, settleEach } from '#lib/function/event-batch.ts';
import type { PredictionBody } from '#lib/message/body.ts';
import { bareContentType, type CloudEvent, SEQUENCE_ATTRIBUTE, sequenceOf } from '#lib/message/cloud-event.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import { isJsonText } from '#lib/message/json-text.ts';
import { parsePrediction } from '#lib/message/prediction.ts';
import { compileRule } from '#lib/rules/compile.ts';
import { type CaptureDefinition, type ScenarioRecord, STAGES, type StageDefinition } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import type { Datasets } from '../datasets.ts';
import { keepSample } from '../keep-sample.ts';
import { type DatasetName, parseDatasetFolder } from '../names.ts';
import { modelVersion, predictionText } from './prediction-facts.ts';

export interface CaptureParts {
  readonly scenarios: Pick<ScenarioClient, 'get'>;
  readonly messages: StoredMessages;
  readonly store: BlobStore;
  readonly datasets: Datasets;
  readonly defaultDataset: DatasetName;
  readonly maxImagePixels: number;
  readonly stored: () => void;
}

/**
 * Keeps inputs of a scenario as samples: of each prediction that the scenario's `capture` holds for, the signal or the
 * features that it was made from. What is done twice changes nothing: the same bytes are kept once.
 */
export function openCapture(parts: CaptureParts): (batch: EventBatch) => Promise<FunctionAnswer> {
  /** Compiled once for each revision of a scenario: the client hands out the same record as long as it keeps it. */
  const compiled = new WeakMap<CaptureDefinition, IsWanted>();
  return async ({ events, scenarioId, rev }) => {
    const record = await parts.scenarios.get(scenarioId, rev);
    const { capture } = record.scenario.scenario_definition;
    if (capture === undefined) {
      throw new BoxError(
        'unprocessable',
        `Cannot capture for scenario ${scenarioId}: revision ${rev} captures nothing`,
      );
    }
    const isWanted = compiled.get(capture) ?? compileWanted(capture);
    compiled.set(capture, isWanted);
    const results = await settleEach(events, async (event) => {
      const prediction = parsePrediction(event);
      if (isWanted(event, prediction)) await keep(event, prediction, record, capture, parts);
      return [];
    });
    return { results };
  };
}

type IsWanted = (event: CloudEvent, prediction: PredictionBody) => boolean;

/** Whether an event's input is kept: its prediction fulfils the expression and its correlation id falls within the rate. */
function compileWanted({ when, rate }: CaptureDefinition): IsWanted {
  const rule = when === undefined ? undefined : compileRule(when);
  return (event, { correlation_id: correlationId, prediction_data: prediction }) => {
    const said = event.time === undefined ? Number.NaN : Date.parse(event.time);
    const time = Number.isNaN(said) ? {} : { time: said / 1000 };
    if (rule !== undefined && !rule.evaluate({ prediction, source: event.source, ...time }).truthy) return false;
    return rate >= 1 || shareOf(correlationId) < rate;
  };
}

/** A number from 0 to 1 that is the same whenever the id is judged, and evenly spread over ids. */
function shareOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32BE(0) / 2 ** 32;
}

async function keep(
  event: CloudEvent,
  { correlation_id: correlationId, prediction_data: prediction }: PredictionBody,
  record: ScenarioRecord,
  capture: CaptureDefinition,
  parts: CaptureParts,
): Promise<void> {
  const { input, rev } = await inputOf(event, record, capture.what, parts.messages);
  const { dataset } = capture;
  const said = event.time === undefined ? Number.NaN : Date.parse(event.time);
  const catalogue = await parts.datasets.open(
    dataset === undefined ? parts.defaultDataset : parseDatasetFolder(dataset),
  );
  await keepSample(parts, catalogue, {
    category: capture.as,
    bytes: Buffer.from(input.body),
    contentType: bareContentType(input.attributes.datacontenttype) ?? contentTypeOf(input.body),
    duplicates: 'link',
    ...(said >= 0 && { at: new Date(said) }),
    facts: {
      source: event.source,
      correlation_id: correlationId,
      prediction: predictionText(prediction),
      model_version: modelVersion(record, rev),
    },
  });
}

/** What the prediction was made from: the connector's ids lead from each message to the one before it. */
async function inputOf(
  event: CloudEvent,
  record: ScenarioRecord,
  what: CaptureDefinition['what'],
  messages: StoredMessages,
): Promise<{ readonly input: StoredMessage; readonly rev: string }> {
  const { ingestion_definition: ingestion, inference_definition: inference } = record.scenario.scenario_definition;
  const prediction = await kept(sequenceOf(event), record.id, messages);
  const rev = prediction.rev ?? record.rev;
  const features = await madeFrom(prediction, record.id, 'inference', inference, messages);
  if (features === undefined) {
    throw new BoxError(
      'unprocessable',
      'Cannot capture: the prediction was not made by the inference stage of the scenario',
    );
  }
  if (what === 'features') return { input: features, rev };
  // Without an ingestion stage, or sent past it: what came in is what the model saw.
  const signal = await madeFrom(features, record.id, 'ingestion', ingestion, messages);
  return { input: signal ?? features, rev };
}

/** The input of the message's stage; undefined when another stage, or nobody of ours, made it. */
async function madeFrom(
  message: StoredMessage,
  scenario: string,
  stage: 'ingestion' | 'inference',
  definition: StageDefinition | undefined,
  messages: StoredMessages,
): Promise<StoredMessage | undefined> {
  const from = message.madeFrom;
  if (definition === undefined || from?.scenario !== scenario || from.stage !== stage) return undefined;
  const input = await kept(from.seq, scenario, messages);
  const { subject } = input;
  const { in_topic: topic } = definition;
  const isItsInput = entranceOf(subject, [topic]) !== undefined || subject === stageSubject(scenario, stage, 'replay');
  return isItsInput ? input : undefined;
}

/** A message by its place; of one that was among the dead letters and is tried again, the message that it was. */
async function kept(seq: number | undefined, scenario: string, messages: StoredMessages): Promise<StoredMessage> {
  const message = seq === undefined ? undefined : await messages.get(seq);
  if (message === undefined) {
    throw new BoxError('unprocessable', `Cannot capture: message ${seq ?? ''} is not kept any more`);
  }
  const isReplay = STAGES.some((stage) => message.subject === stageSubject(scenario, stage, 'replay'));
  const before = isReplay ? Number(message.attributes[SEQUENCE_ATTRIBUTE]) : Number.NaN;
  return (Number.isSafeInteger(before) ? await messages.get(before) : undefined) ?? message;
}

/** What a sensor did not declare. */
function contentTypeOf(body: Uint8Array): string {
  return isJsonText(body) ? 'application/json' : 'application/octet-stream';
}
