import { BoxError, type ErrorCode } from '../error/box-error.ts';
import type { CloudEvent } from './cloud-event.ts';

/** What became of one event of a batch. */
export type EventResult =
  | { readonly id: string; readonly events: readonly CloudEvent[] }
  | { readonly id: string; readonly error: EventError };

export interface EventError {
  readonly code: ErrorCode | string;
  readonly message: string;
  /** Whether trying again may help; if not, the event is put among the dead letters. */
  readonly retry: boolean;
}

/** A timer that the connector is asked for: a `thebox.timer` event with this key at this time (RFC 3339). */
export interface Wake {
  readonly key: string;
  readonly at: string;
}

/** A function's answer to a batch: one result per event, in the batch's order. */
export interface FunctionAnswer {
  readonly results: readonly EventResult[];
  readonly wake?: readonly Wake[];
}

/**
 * Whether a function's JSON answer is in our form; a function that knows nothing of it answers plain data, which is
 * one output event.
 */
export function isFunctionAnswer(value: unknown): value is { results: unknown[]; wake?: unknown } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'results' in value &&
    Array.isArray(value.results) &&
    value.results.every((r) => typeof r === 'object' && r !== null && 'id' in r && ('events' in r || 'error' in r))
  );
}

/**
 * Checks that an answer has one result per event, in order.
 *
 * @throws BoxError `internal` when the function broke the contract; that is never the event's fault.
 */
export function parseFunctionAnswer(value: unknown, ids: readonly string[]): FunctionAnswer {
  if (!isFunctionAnswer(value)) throw broken('it must be { results: [...] }');
  if (value.results.length !== ids.length)
    throw broken(`${ids.length} events need ${ids.length} results, got ${value.results.length}`);
  const results = value.results as EventResult[];
  results.forEach((result, i) => {
    if (result.id !== ids[i]) throw broken(`result ${i} must be of event ${ids[i]}, got ${result.id}`);
    if ('events' in result ? !Array.isArray(result.events) : typeof result.error?.message !== 'string') {
      throw broken(`result ${i} must hold a list of events or an error with a message`);
    }
  });
  if (value.wake === undefined) return { results };
  if (!Array.isArray(value.wake) || !value.wake.every(isWake)) throw broken('wake must be a list of { key, at }');
  return { results, wake: value.wake };
}

function isWake(value: unknown): value is Wake {
  return (
    typeof value === 'object' &&
    value !== null &&
    'key' in value &&
    'at' in value &&
    typeof value.key === 'string' &&
    typeof value.at === 'string' &&
    !Number.isNaN(Date.parse(value.at))
  );
}

function broken(rule: string): BoxError {
  return new BoxError('internal', `Cannot read the answer of the function: ${rule}`);
}
