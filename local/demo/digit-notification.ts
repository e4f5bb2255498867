import { BoxError } from '#lib/error/box-error.ts';

export interface DigitNotification {
  readonly correlationId: string;
  readonly label: string;
  readonly probability: number;
}

/**
 * What a notification of the scenario digits says.
 *
 * @throws BoxError `invalid_argument` when it says something else.
 */
export function parseDigitNotification(body: unknown): DigitNotification {
  const correlationId = member(body, 'correlation_id');
  const output = member(member(body, 'notification_data'), 'probabilities');
  const label = member(output, 'class_label');
  const probability = member(output, 'probability');
  if (typeof correlationId !== 'string' || typeof label !== 'string' || typeof probability !== 'number') {
    const rule = 'it must have a correlation_id, and the class_label and probability of the output "probabilities"';
    throw new BoxError('invalid_argument', `Cannot read notification: ${rule}, got ${JSON.stringify(body)}`);
  }
  return { correlationId, label, probability };
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
