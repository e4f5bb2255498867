import type { Dtype } from '../tensor/dtype.ts';

/** A scenario: what to ingest, which model to run, which rules make a notification. The original's document, unchanged. */
export interface Scenario {
  readonly _id?: string;
  readonly scenario_name: string;
  readonly scenario_definition: ScenarioDefinition;
}

export interface ScenarioDefinition {
  readonly ingestion_definition?: IngestionDefinition;
  readonly inference_definition?: InferenceDefinition;
  readonly notification_definition?: NotificationDefinition;
  readonly capture?: CaptureDefinition;
  /** What becomes of signals of sources that nobody has put: `allow` when left out. */
  readonly unknown_sources?: 'allow' | 'quarantine' | 'refuse';
  /** Signals are taken only with the signature of their source. */
  readonly require_signature?: boolean;
}

/** The stages that messages pass, in their order. */
const PIPELINE = ['ingestion', 'inference', 'notification'] as const;
/** With what looks on: the capture reads the predictions and publishes nothing. */
export const STAGES = [...PIPELINE, 'capture'] as const;
export type PipelineStage = (typeof PIPELINE)[number];
export type Stage = (typeof STAGES)[number];

/** What reads a topic, one message after the other. */
export interface ConsumerDefinition {
  readonly in_topic: string;
  /** Where its outputs go; what has none makes no outputs. */
  readonly out_topic?: string;
  /** The OpenFaaS function that does the work; the role's own when left out. */
  readonly function?: string;
}

export interface StageDefinition extends ConsumerDefinition {
  readonly out_topic: string;
}

export interface IngestionDefinition extends StageDefinition {
  readonly data_descriptor: DataDescriptor;
}

export interface DataDescriptor {
  readonly ingestion_data_name: string;
  readonly feature_list: readonly FeatureDescriptor[];
  /** What signals are that do not say it themselves: MQTT has no content type. */
  readonly content_type?: string;
  /** What signals add up to before features are made; left out, each signal makes features of its own. */
  readonly window?: Readonly<Record<string, unknown>>;
}

export interface FeatureDescriptor {
  readonly feature_name: string;
  readonly feature_type: 'stringtype' | 'numerictype' | 'numpyarraytype';
  /** How the feature comes out of the signal: an object, or its JSON as text (as the original typed it). */
  readonly feature_params?: Readonly<Record<string, unknown>> | string;
}

export interface InferenceDefinition extends StageDefinition {
  readonly model_descriptor: ModelDescriptor;
  readonly pred_type: { readonly prediction_data_type: 'classificationtype' | 'customtype' };
}

export interface ModelDescriptor {
  readonly model_type: 'ONNX' | 'TENSORFLOW' | 'BUILTIN';
  readonly model_name: string;
  readonly model_input_info: readonly ModelIo[];
  readonly model_output_info: readonly ModelIo[];
  readonly model_class_labels?: readonly string[];
  readonly model_location?: string;
  readonly model_sha256?: string;
  /** How the model is run; the inference function knows the options. */
  readonly model_options?: Readonly<Record<string, unknown>>;
}

/** An input or output as the scenario declares it; the model's own dtype and shape count. */
export interface ModelIo {
  readonly data_name: string;
  readonly data_type: Dtype | string;
  readonly data_shape: readonly (number | string | null)[];
}

export interface NotificationDefinition extends StageDefinition {
  readonly rules: readonly NotificationRule[];
  readonly webhooks?: readonly Webhook[];
}

/** A rule; what is optional is ours, and a rule without any of it does what the original's did. docs/notifications.md explains. */
export interface NotificationRule {
  readonly rule_name: string;
  readonly rule_content: string;
  readonly notification_id: string;
  readonly notify_on?: 'every' | 'change';
  readonly for_seconds?: number;
  readonly for_count?: number;
  readonly clear_content?: string;
  readonly cooldown_seconds?: number;
  readonly resolve?: boolean;
  readonly resolve_after_seconds?: number;
  readonly group_by?: string;
  readonly severity?: Severity;
  readonly message?: string;
}

/** From the least to the gravest. */
export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Which of the scenario's inputs are kept as samples. */
export interface CaptureDefinition {
  /** A rule expression over the prediction; every input counts when left out. */
  readonly when?: string;
  /** The category of the samples. */
  readonly as: string;
  /** The share that is kept of what `when` holds for, above 0 and at most 1. */
  readonly rate: number;
  /** The raw signal, or the features that the model saw. */
  readonly what: 'signal' | 'features';
  /** `NAME_WIDTHxHEIGHT`; the sample store's own dataset when left out. */
  readonly dataset?: string;
}

/** Where notifications are posted to. */
export interface Webhook {
  readonly url: string;
  /** The name of the secret that signs what is sent. */
  readonly secret: string;
  /** Only notifications with these ids; all when left out. */
  readonly notification_ids?: readonly string[];
}

/** A scenario as it is kept: with its id, its revision and whether it is paused. */
export interface ScenarioRecord {
  readonly id: string;
  /** The revision of the definition; changes with each replacement, not with a pause. */
  readonly rev: string;
  readonly scenario: Scenario;
  readonly paused: boolean;
  /** When the scenario was first put, RFC 3339. Signals published from then on are processed, none older. */
  readonly createdAt: string;
  /** When the scenario was last changed, RFC 3339. */
  readonly updatedAt: string;
}

/** The stages that a scenario has, in the order in which messages pass them. */
export function stagesOf(
  scenario: Scenario,
): { readonly stage: PipelineStage; readonly definition: StageDefinition }[] {
  const { ingestion_definition, inference_definition, notification_definition } = scenario.scenario_definition;
  const definitions = {
    ingestion: ingestion_definition,
    inference: inference_definition,
    notification: notification_definition,
  };
  return PIPELINE.flatMap((stage) => {
    const definition = definitions[stage];
    return definition === undefined ? [] : [{ stage, definition }];
  });
}

/** Everything that reads a topic of the scenario: its stages, and the capture where it keeps samples. */
export function consumersOf(scenario: Scenario): { readonly stage: Stage; readonly definition: ConsumerDefinition }[] {
  const { capture, inference_definition: inference } = scenario.scenario_definition;
  if (capture === undefined || inference === undefined) return stagesOf(scenario);
  return [...stagesOf(scenario), { stage: 'capture', definition: { in_topic: inference.out_topic } }];
}

/** The function that serves a stage: the one that the scenario names, else the role's own. */
export function functionOf(stage: Stage, definition: ConsumerDefinition): string {
  return definition.function ?? (stage === 'capture' ? 'sensory' : stage);
}

/** The headers by which the connector tells a function what to process events with. */
export const SCENARIO_HEADER = 'box-scenario';
export const SCENARIO_REV_HEADER = 'box-scenario-rev';
export const STAGE_HEADER = 'box-stage';

/** The media type by which a function asks the orchestrator for a ScenarioRecord in place of the bare scenario. */
export const RECORD_CONTENT_TYPE = 'application/vnd.thebox.scenario-record+json';
