import { BoxError } from '../error/box-error.ts';
import { isRecord } from '../json/json-object.ts';
import type { PredictionBody } from './body.ts';
import { type CloudEvent, correlationIdOf, dataJson } from './cloud-event.ts';

/**
 * The prediction that an event carries.
 *
 * @throws BoxError `invalid_argument` that says what of the body is missing or wrong.
 */
export function parsePrediction(event: CloudEvent): PredictionBody {
  const body = dataJson(event);
  if (!isRecord(body)) throw invalid('the body must be a JSON object { correlation_id, prediction_data }');
  const { prediction_data: data, correlation_id: correlationId = correlationIdOf(event) } = body;
  if (!isRecord(data)) throw invalid('prediction_data must be an object of outputs by name');
  if (typeof correlationId !== 'string' && typeof correlationId !== 'number')
    throw invalid('correlation_id must be text');
  for (const [name, output] of Object.entries(data)) {
    if (!isRecord(output)) throw invalid(`output ${name} must be an object { data, class_label?, probability? }`);
    const { class_label: label, probability } = output;
    if (label !== undefined && label !== null && typeof label !== 'string')
      throw invalid(`class_label of ${name} must be text`);
    if (probability !== undefined && probability !== null && typeof probability !== 'number') {
      throw invalid(`probability of ${name} must be a number`);
    }
  }
  return { correlation_id: String(correlationId), prediction_data: data as PredictionBody['prediction_data'] };
}

function invalid(rule: string): BoxError {
  return new BoxError('invalid_argument', `Cannot read prediction: ${rule}`);
}
