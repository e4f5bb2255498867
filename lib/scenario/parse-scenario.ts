import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { BoxError, type Problem } from '../error/box-error.ts';
import { isRecord } from '../json/json-object.ts';
import { jsonLimitProblems } from './json-limits.ts';
import schema from './scenario.schema.json' with { type: 'json' };
import type {
  CaptureDefinition,
  DataDescriptor,
  FeatureDescriptor,
  InferenceDefinition,
  IngestionDefinition,
  ModelDescriptor,
  ModelIo,
  NotificationDefinition,
  NotificationRule,
  Scenario,
  ScenarioDefinition,
  Webhook,
} from './scenario.ts';
import { schemaProblems } from './schema-problems.ts';
import { topicsWithin } from './topics.ts';

/** Problems that one answer lists; a document with more is told of the rest by their number. */
const MAX_PROBLEMS = 100;

/** A document as the schema lets it pass: null stands for absent, and what the original typed as text may be text. */
interface RawScenario {
  readonly _id?: string | null;
  readonly scenario_name: string;
  readonly scenario_definition: {
    readonly ingestion_definition?: RawIngestion | null;
    readonly inference_definition?: RawInference | null;
    readonly notification_definition?: RawNotification | null;
    readonly capture?: Nullable<Partial<CaptureDefinition>> | null;
    readonly unknown_sources?: ScenarioDefinition['unknown_sources'] | null;
    readonly require_signature?: boolean | null;
  };
}

interface RawStage {
  readonly in_topic: string;
  readonly out_topic: string;
  readonly function?: string | null;
}

interface RawIngestion extends RawStage {
  readonly data_descriptor?: RawDataDescriptor | string | null;
}

interface RawDataDescriptor {
  readonly ingestion_data_name: string;
  readonly feature_list: readonly (Omit<FeatureDescriptor, 'feature_params'> & {
    readonly feature_params?: Readonly<Record<string, unknown>> | string | null;
  })[];
  readonly content_type?: string | null;
  readonly window?: Readonly<Record<string, unknown>> | null;
}

interface RawInference extends RawStage {
  readonly model_descriptor: RawModel;
  readonly pred_type?: InferenceDefinition['pred_type'] | null;
}

interface RawModel {
  readonly model_type: ModelDescriptor['model_type'] | 'PREBUILT';
  readonly model_name: string;
  readonly model_input_info: readonly ModelIo[];
  readonly model_output_info: readonly ModelIo[];
  readonly model_class_labels?: readonly string[] | null;
  readonly model_location?: string | null;
  readonly model_sha256?: string | null;
  readonly model_options?: Readonly<Record<string, unknown>> | null;
}

interface RawNotification extends RawStage {
  readonly rules?: readonly Nullable<NotificationRule>[] | null;
  readonly webhooks?: readonly Nullable<Webhook>[] | null;
}

/** An optional field may be null in a document. */
type Nullable<T> = { readonly [K in keyof T]: undefined extends T[K] ? T[K] | null : T[K] };

let compiled: ValidateFunction<RawScenario> | undefined;

/** Compiled when the first scenario is read: it would be a quarter of the start of a function that reads none. */
function schemaCheck(): ValidateFunction<RawScenario> {
  if (compiled) return compiled;
  const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, strict: true });
  ajv.addKeyword('x-rule');
  compiled = ajv.compile<RawScenario>(schema);
  return compiled;
}

/**
 * Reads a scenario as the original system wrote it or as our schema documents it, and gives it its plain form: null is
 * absent, a descriptor given as text is read, `pred_type` and `rules` left out have their defaults.
 *
 * @throws BoxError `invalid_argument` that lists every problem, each with the JSON pointer of its place.
 */
export function parseScenario(value: unknown): Scenario {
  const document = unfoldDescriptor(value);
  refuse(jsonLimitProblems(document));
  const fits = schemaCheck();
  if (!fits(document)) throw refusal(schemaProblems(fits.errors ?? []));
  const scenario = plainScenario(document);
  refuse([...topicsWithin(scenario), ...captureProblems(scenario)]);
  return scenario;
}

function captureProblems({ scenario_definition: definition }: Scenario): Problem[] {
  if (definition.capture === undefined || definition.inference_definition !== undefined) return [];
  const message = 'needs an inference stage: what is kept depends on its predictions';
  return [{ pointer: '/scenario_definition/capture', message }];
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw refusal(problems);
}

function refusal(problems: readonly Problem[]): BoxError {
  const first = problems[0];
  const place = first?.pointer === '' ? 'the document' : first?.pointer;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more, see errors)` : '';
  const listed = problems.slice(0, MAX_PROBLEMS);
  return new BoxError('invalid_argument', `Cannot read scenario: ${place} ${first?.message}${more}`, {
    problems: listed,
    ...(listed.length < problems.length && { facts: { problems_not_listed: problems.length - listed.length } }),
  });
}

/** The document with a data_descriptor that came as the text of a JSON object replaced by that object. */
function unfoldDescriptor(value: unknown): unknown {
  if (!isRecord(value) || !isRecord(value.scenario_definition)) return value;
  const ingestion = value.scenario_definition.ingestion_definition;
  if (!isRecord(ingestion) || typeof ingestion.data_descriptor !== 'string') return value;
  const descriptor = jsonObject(ingestion.data_descriptor);
  if (descriptor === undefined) return value;
  return {
    ...value,
    scenario_definition: {
      ...value.scenario_definition,
      ingestion_definition: { ...ingestion, data_descriptor: descriptor },
    },
  };
}

function jsonObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function plainScenario(raw: RawScenario): Scenario {
  const stages = raw.scenario_definition;
  const definition: ScenarioDefinition = withoutNulls({
    ingestion_definition: stages.ingestion_definition ? plainIngestion(stages.ingestion_definition) : null,
    inference_definition: stages.inference_definition ? plainInference(stages.inference_definition) : null,
    notification_definition: stages.notification_definition ? plainNotification(stages.notification_definition) : null,
    capture: stages.capture ? { ...CAPTURE_DEFAULTS, ...withoutNulls(stages.capture) } : null,
    unknown_sources: stages.unknown_sources ?? null,
    require_signature: stages.require_signature ?? null,
  });
  return { ...withoutNulls(raw), scenario_definition: definition };
}

const CAPTURE_DEFAULTS = { as: 'unlabelled', rate: 1, what: 'signal' } as const;

function plainIngestion(raw: RawIngestion): IngestionDefinition {
  return { ...withoutNulls(raw), data_descriptor: plainDataDescriptor(raw.data_descriptor) };
}

function plainDataDescriptor(raw: RawDataDescriptor | string | null | undefined): DataDescriptor {
  if (raw === null || raw === undefined) return { ingestion_data_name: '', feature_list: [] };
  if (typeof raw === 'string') return { ingestion_data_name: raw, feature_list: [] };
  return { ...withoutNulls(raw), feature_list: raw.feature_list.map((feature) => withoutNulls(feature)) };
}

function plainInference(raw: RawInference): InferenceDefinition {
  const { model_descriptor: model } = raw;
  return {
    ...withoutNulls(raw),
    model_descriptor: {
      ...withoutNulls(model),
      model_type: model.model_type === 'PREBUILT' ? 'BUILTIN' : model.model_type,
    },
    pred_type: raw.pred_type ?? { prediction_data_type: 'customtype' },
  };
}

function plainNotification(raw: RawNotification): NotificationDefinition {
  return {
    ...withoutNulls({ ...raw, webhooks: null }),
    rules: (raw.rules ?? []).map(withoutNulls),
    ...(raw.webhooks && { webhooks: raw.webhooks.map(withoutNulls) }),
  };
}

/** The object without its members that are null. */
function withoutNulls<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], null> } {
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], null> };
}
