import { BoxError } from '#lib/error/box-error.ts';
import type { Signal } from '#lib/feature/signal.ts';
import { readInstant } from '#lib/feature/steps/time-step.ts';
import { milli, type WindowSpec } from '#lib/feature/window/window-spec.ts';
import type { Measured } from '#lib/feature/window/window-state.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import { EventSignal, type SignalLimits } from '../signal/event-signal.ts';
import { RowSignal } from '../signal/row-signal.ts';
import { splitSignal } from '../signal/split-signal.ts';

/** The signals of a message, by the window that they belong to. */
export interface ReadMessage {
  readonly groups: ReadonlyMap<string, readonly Measured[]>;
  /** Signals that no column is for. */
  readonly unwanted: number;
}

const MAX_GROUP_LENGTH = 200;

/**
 * Reads what a message brings for the windows of a scenario, whole or not at all.
 *
 * @throws BoxError `invalid_argument` for a signal that the window cannot take.
 */
export function readMeasured(event: CloudEvent, spec: WindowSpec, limits: SignalLimits, now: number): ReadMessage {
  const groups = new Map<string, Measured[]>();
  let unwanted = 0;
  for (const signal of signalsOf(event, spec, limits)) {
    const values = named(() => valuesOf(signal, spec));
    if (values === undefined) {
      unwanted++;
      continue;
    }
    const group = named(() => groupOf(signal, spec));
    const time = named(() => timeOf(signal, event, spec, now));
    const measured = groups.get(group);
    if (measured === undefined) groups.set(group, [{ time, values }]);
    else measured.push({ time, values });
  }
  return { groups, unwanted };
}

/** The signals in a body: what `each` finds, the rows of a table, the objects of a list, or the body itself. */
function signalsOf(event: CloudEvent, { each, readers }: WindowSpec, limits: SignalLimits): readonly Signal[] {
  const whole = new EventSignal(event, limits);
  const rows =
    each?.(whole.json()) ??
    splitSignal(
      whole,
      readers.every(({ takesField }) => takesField),
    );
  return rows?.map((row, i) => new RowSignal(row, whole, `${event.id}.${i}`)) ?? [whole];
}

/** The values by column; undefined where no column is for the signal. */
function valuesOf(signal: Signal, { readers, columns }: WindowSpec): Measured['values'] | undefined {
  const wanted: string[] = [];
  const values = readers.flatMap((reader) => {
    const column = reader.column(signal);
    if (column === undefined) return [];
    wanted.push(columns[column]?.name ?? '');
    const numbers = reader.values(signal);
    return numbers.length === 0 ? [] : [{ column, numbers }];
  });
  if (wanted.length === 0) return undefined;
  if (values.length > 0) return values;
  throw new BoxError(
    'invalid_argument',
    `must have a value for a column of the window (${wanted.slice(0, 5).join(', ')})`,
  );
}

function groupOf(signal: Signal, spec: WindowSpec): string {
  const group = spec.groupOf(signal);
  if (group !== undefined && group !== '' && group.length <= MAX_GROUP_LENGTH) return group;
  const got = group === undefined ? 'nothing' : `${group.length}`;
  throw new BoxError(
    'invalid_argument',
    `must have whose it is (window.per) in 1 to ${MAX_GROUP_LENGTH} characters, got ${got}`,
  );
}

const eventInstant = readInstant(undefined, undefined);

function timeOf(signal: Signal, event: CloudEvent, spec: WindowSpec, now: number): number {
  const time =
    spec.timeOf?.(signal) ?? (event.time === undefined ? now : milli(eventInstant?.(event.time) ?? Number.NaN));
  if (time <= now + spec.maxAheadMs) return time;
  const rule = `must have a time at most ${spec.maxAheadMs / 1000} s ahead of the clock (max_ahead_seconds)`;
  throw new BoxError('invalid_argument', `${rule}, got ${new Date(time).toISOString()}`);
}

function named<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof BoxError) || thrown.message.startsWith('Cannot ')) throw thrown;
    const what = thrown.message.startsWith('must ') ? `it ${thrown.message}` : thrown.message;
    throw new BoxError(thrown.code, `Cannot add signal to window: ${what}`, { cause: thrown });
  }
}
