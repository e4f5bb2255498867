import type { EventBatch } from '#lib/function/event-batch.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import { parseScenario } from '#lib/scenario/parse-scenario.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { openMemoryStateStore } from '#lib/state/memory-state-store.ts';
import { openS3Files } from '../../../functions/ingestion/file/s3-files.ts';
import {
  type FeatureLimits,
  type FeatureMakerParts,
  openFeatureMaker,
} from '../../../functions/ingestion/make-features.ts';
import { recordOf } from '../../support/scenario.ts';

/** The function's own work for one scenario, without its servers. */
export function featureMakerOf(
  record: ScenarioRecord,
  limits: FeatureLimits,
  more: Partial<FeatureMakerParts> = {},
): (batch: EventBatch) => Promise<FunctionAnswer> {
  return openFeatureMaker({
    scenarios: { get: async () => record, current: async () => record },
    files: openS3Files(undefined),
    limits,
    store: openMemoryStateStore(),
    onSignals: () => undefined,
    ...more,
  });
}

/** A scenario `id` whose descriptor has these features and, maybe, a window. */
export function described(id: string, features: readonly unknown[], window?: unknown): ScenarioRecord {
  const descriptor = { ingestion_data_name: 'data', feature_list: features, ...(window !== undefined && { window }) };
  const ingestion = { in_topic: `${id}-in`, out_topic: `${id}-out`, data_descriptor: descriptor };
  return recordOf(id, parseScenario({ scenario_name: id, scenario_definition: { ingestion_definition: ingestion } }));
}
