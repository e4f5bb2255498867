import { subjectToken } from '#lib/bus/subjects.ts';
import type { LastValues } from '#lib/feature/last-values.ts';
import { type CloudEvent, sequenceOf } from '#lib/message/cloud-event.ts';
import type { EventResult } from '#lib/message/function-answer.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import { shortHash } from '#lib/state/short-hash.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { settled } from '../settle.ts';
import { applyToKept, type KeptChange, type KeptWork } from './keep.ts';

/** The features that a source had last, as they are kept. */
interface KeptLast {
  readonly version: 1;
  /** The sequence of the last message that was applied. */
  readonly applied: number;
  readonly values: Values;
  /** What messages were given that may be processed again: by sequence, and by the place of the signal in the message. */
  readonly given: readonly Given[];
  /** From this sequence on, what was not given to a message was not there when it came. */
  readonly givenFrom: number;
}

type Values = Readonly<Record<string, unknown>>;
type Given = readonly [sequence: number, signal: number, values: Values];

/** Makes the features events of a message; `lastOf` knows what each of its signals may take from those before. */
export type LastProcess = (
  event: CloudEvent,
  lastOf: (signal: number) => LastValues,
) => readonly CloudEvent[] | Promise<readonly CloudEvent[]>;

/** A source that is silent for so long has no last value any more. */
const TTL_MS = 30 * 86_400_000;
/** Messages before the batch of which is remembered what they were given, see kept-window.ts. */
const GIVEN_KEPT = 16;

export interface LastParts {
  readonly record: ScenarioRecord;
  readonly store: StateStore;
  readonly process: LastProcess;
}

/** Processes the events of each source one after the other, so that each may take what it lacks from those before. */
export async function processWithLast(
  events: readonly CloudEvent[],
  keepFrom: number,
  { record, store, process }: LastParts,
): Promise<readonly EventResult[]> {
  const features = record.scenario.scenario_definition.ingestion_definition?.data_descriptor.feature_list;
  // A scenario that was removed and put again begins without a past.
  const prefix = `${subjectToken(record.id)}.${shortHash(['last', record.createdAt, features])}`;
  const bySource = Map.groupBy(events.entries(), ([, { source }]) => source);
  const works = Array.from(bySource, ([source, own]): KeptWork<readonly (readonly [number, EventResult])[]> => {
    const key = `${prefix}.${shortHash(source)}`;
    return { key, apply: (kept) => applySource(readKept(kept), own, process, keepFrom) };
  });
  const results: EventResult[] = new Array(events.length);
  for (const own of await applyToKept(store, works)) for (const [index, result] of own) results[index] = result;
  return results;
}

async function applySource(
  kept: KeptLast,
  events: readonly (readonly [number, CloudEvent])[],
  process: LastProcess,
  keepFrom: number,
): Promise<KeptChange<readonly (readonly [number, EventResult])[]>> {
  let { applied, values } = kept;
  const given = [...kept.given];
  const results: (readonly [number, EventResult])[] = [];
  let isChanged = false;
  for (const [index, event] of events) {
    const sequence = sequenceOf(event);
    const isProcessed = sequence !== undefined && sequence <= applied;
    const memory = isProcessed ? openPast(kept, sequence) : openMemory(values, sequence);
    const result = await settled(event.id, () => process(event, memory.lastOf));
    results.push([index, result]);
    if (isProcessed || 'error' in result) continue;
    isChanged = true;
    values = memory.values();
    given.push(...memory.given());
    if (sequence !== undefined) applied = sequence;
  }
  const remembered = given.filter(([sequence], i) => sequence >= keepFrom || i >= given.length - GIVEN_KEPT);
  const givenFrom = Math.min(keepFrom, ...remembered.map(([sequence]) => sequence), applied);
  const value: KeptLast = { version: 1, applied, values, given: remembered, givenFrom };
  return { result: results, write: isChanged ? { value, ttlMs: TTL_MS } : undefined };
}

interface Memory {
  readonly lastOf: (signal: number) => LastValues;
  /** What is kept if the message is not refused. */
  values(): Values;
  given(): Given[];
}

function openMemory(before: Values, sequence: number | undefined): Memory {
  const values: Record<string, unknown> = { ...before };
  const given = new Map<number, Record<string, unknown>>();
  return {
    lastOf: (signal) => ({
      get: (feature) => (Object.hasOwn(values, feature) ? values[feature] : undefined),
      put(feature, value, isFilled) {
        values[feature] = value;
        if (isFilled) given.set(signal, { ...given.get(signal), [feature]: value });
      },
    }),
    values: () => values,
    given: () => (sequence === undefined ? [] : Array.from(given, ([signal, each]): Given => [sequence, signal, each])),
  };
}

const NOTHING: Values = {};

/** What a message was given when it was processed before; the last values where that is forgotten. */
function openPast({ values, given, givenFrom }: KeptLast, sequence: number): Memory {
  const lastOf = (signal: number): LastValues => {
    const found = given.find(([each, place]) => each === sequence && place === signal)?.[2];
    const own = found ?? (sequence >= givenFrom ? NOTHING : values);
    return { get: (feature) => (Object.hasOwn(own, feature) ? own[feature] : undefined), put: () => undefined };
  };
  return { lastOf, values: () => values, given: () => [] };
}

function readKept(value: unknown): KeptLast {
  const isOurs = typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
  return isOurs ? (value as KeptLast) : { version: 1, applied: 0, values: {}, given: [], givenFrom: 0 };
}
