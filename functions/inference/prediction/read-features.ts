import { BoxError } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';
import { type CloudEvent, correlationIdOf, dataJson } from '#lib/message/cloud-event.ts';
import type { Tensor } from '#lib/tensor/tensor.ts';
import type { Signature } from '../model/model.ts';
import { fitInput } from './fit-input.ts';

export interface ReadFeatures {
  readonly correlationId: string;
  /** One tensor per input of the model, in its order. */
  readonly inputs: readonly Tensor[];
}

/**
 * The inputs of the model from an event with features. Features that no input is named after are left alone.
 *
 * @throws BoxError `invalid_argument` when the body is not one of features, or an input is missing or does not fit
 */
export function readFeatures(
  event: CloudEvent,
  signature: Pick<Signature, 'inputs'>,
  declaredRanks: ReadonlyMap<string, number>,
): ReadFeatures {
  const body = dataJson(event);
  if (!isRecord(body) || !Array.isArray(body.feature_data)) {
    throw invalid('its data must be { correlation_id, feature_data: [ { feature_name, data } ] }');
  }
  const features: readonly unknown[] = body.feature_data;
  const inputs = signature.inputs.map((spec) =>
    fitInput(featureNamed(features, spec.name), spec, declaredRanks.get(spec.name)),
  );
  return {
    correlationId: typeof body.correlation_id === 'string' ? body.correlation_id : correlationIdOf(event),
    inputs,
  };
}

function featureNamed(features: readonly unknown[], name: string): unknown {
  for (const feature of features) {
    if (isRecord(feature) && feature.feature_name === name) {
      if (feature.data === undefined || feature.data === null) throw invalid(`feature ${quote(name)} must have data`);
      return feature.data;
    }
  }
  const there = features.map((feature) => (isRecord(feature) ? quote(feature.feature_name) : '?')).slice(0, 20);
  throw invalid(`there must be a feature for the model's input ${quote(name)}, got ${there.join(', ') || 'none'}`);
}

function quote(name: unknown): string {
  return JSON.stringify(name) ?? 'without a name';
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read features: ${rule}`);
}
