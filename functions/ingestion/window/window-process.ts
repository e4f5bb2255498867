import { LRUCache } from 'lru-cache';
import { subjectToken } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { FeatureSet } from '#lib/feature/data-descriptor.ts';
import { type Applied, applyInput, type WindowInput, wantTimer } from '#lib/feature/window/apply-input.ts';
import { type CompletedWindow, windowAt } from '#lib/feature/window/completed-window.ts';
import { keepWindow, keptGroup, readKeptWindow, sizeOf, trim } from '#lib/feature/window/kept-window.ts';
import type { WindowSpec } from '#lib/feature/window/window-spec.ts';
import { newWindow } from '#lib/feature/window/window-state.ts';
import { type CloudEvent, dataJson, EVENT_TYPE, sequenceOf, storedMsOf } from '#lib/message/cloud-event.ts';
import type { FunctionAnswer, Wake } from '#lib/message/function-answer.ts';
import type { DataDescriptor, ScenarioRecord } from '#lib/scenario/scenario.ts';
import { shortHash } from '#lib/state/short-hash.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { featuresEvent, partOf } from '../features-event.ts';
import { applyToKept, type KeptWork } from '../memory/keep.ts';
import { settled } from '../settle.ts';
import type { SignalLimits } from '../signal/event-signal.ts';
import { readMeasured } from './read-measured.ts';

/** What became of signals: `counted`, `late`, `surplus` (more than a slot takes), `unwanted` (no column is for them). */
export type WindowOutcome = 'counted' | 'late' | 'surplus' | 'unwanted';

export interface WindowParts {
  readonly record: ScenarioRecord;
  readonly descriptor: DataDescriptor;
  readonly set: FeatureSet;
  readonly spec: WindowSpec;
  readonly store: StateStore;
  readonly limits: SignalLimits & { readonly maxFeatureBytes: number };
  readonly onSignals: (scenarioId: string, outcome: WindowOutcome, count: number) => void;
  readonly now: () => number;
}

/** Hashes of groups, each of which comes again and again. */
const hashes = new LRUCache<string, string>({ max: 10_000 });

function hashOf(group: string): string {
  const known = hashes.get(group);
  if (known !== undefined) return known;
  const hash = shortHash(group);
  hashes.set(group, hash);
  return hash;
}

/** What a batch brings for one window. */
interface GroupWork {
  /** Undefined where only a timer has come: then it is known, or there is nothing to do. */
  group: string | undefined;
  readonly inputs: { readonly event: number; readonly input: WindowInput }[];
}

/** The windows that were completed, by the event that did it, and the timer that is wanted. */
interface GroupResult {
  readonly completed: readonly { readonly event: number; readonly window: CompletedWindow; readonly group: string }[];
  readonly counts: Readonly<Record<'counted' | 'late' | 'surplus', number>>;
  readonly wake: Wake | undefined;
}

/** Base64 makes four thirds of them: half of the largest message on the bus. */
const MAX_KEPT_NUMBERS = 400_000;
const DAY_MS = 86_400_000;

/** Adds the signals of a batch to their windows; the windows that they complete become features. */
export async function processWindows(
  events: readonly CloudEvent[],
  keepFrom: number,
  parts: WindowParts,
): Promise<FunctionAnswer> {
  const { record, spec } = parts;
  // A scenario that was removed and put again, or has another window, begins without a past.
  const prefix = shortHash(['window', record.createdAt, parts.descriptor.window]);
  const now = parts.now();
  const failures = new Map<number, unknown>();
  const works = new Map<string, GroupWork>();
  const workOf = (token: string, group: string | undefined): GroupWork => {
    const work = works.get(token) ?? { group, inputs: [] };
    work.group ??= group;
    works.set(token, work);
    return work;
  };
  for (const [index, event] of events.entries()) {
    try {
      const sequence = sequenceOf(event);
      if (event.type === EVENT_TYPE.timer) {
        const { key, onMs } = readTimer(event);
        // A window that was changed since has another key, and its timer nothing to tell.
        if (key.startsWith(`${prefix}.`))
          workOf(key, undefined).inputs.push({ event: index, input: { kind: 'timer', sequence, onMs } });
        continue;
      }
      const { groups, unwanted } = readMeasured(event, spec, parts.limits, now);
      parts.onSignals(record.id, 'unwanted', unwanted);
      for (const [group, signals] of groups) {
        const input: WindowInput = { kind: 'signals', sequence, signals, storedMs: storedMsOf(event) ?? now };
        workOf(`${prefix}.${hashOf(group)}`, group).inputs.push({ event: index, input });
      }
    } catch (thrown) {
      failures.set(index, thrown);
    }
  }
  const kept = await applyToKept(
    parts.store,
    Array.from(works, ([token, work]) => groupWork(token, work, { ...parts, now, keepFrom })),
  );
  for (const { counts } of kept) {
    for (const outcome of ['counted', 'late', 'surplus'] as const) parts.onSignals(record.id, outcome, counts[outcome]);
  }
  const results = await Promise.all(
    events.map((event, index) => {
      const completed = kept.flatMap((group) => group.completed.filter((each) => each.event === index));
      return settled(event.id, () => {
        if (failures.has(index)) throw failures.get(index);
        return windowEvents(event, completed, parts);
      });
    }),
  );
  return { results, wake: kept.flatMap(({ wake }) => (wake === undefined ? [] : [wake])) };
}

function groupWork(
  token: string,
  { group: known, inputs }: GroupWork,
  { record, spec, now, keepFrom }: Omit<WindowParts, 'now'> & { readonly now: number; readonly keepFrom: number },
): KeptWork<GroupResult> {
  const apply = (kept: unknown) => {
    const group = known ?? keptGroup(kept) ?? '';
    const state = readKeptWindow(kept, spec) ?? newWindow(spec.columns.length);
    const before = state.applied;
    const completed: GroupResult['completed'][number][] = [];
    const counts = { counted: 0, late: 0, surplus: 0 };
    let isRepeated = false;
    for (const { event, input } of inputs) {
      const applied: Applied = applyInput(state, spec, input);
      isRepeated ||= applied.processed;
      for (const outcome of ['counted', 'late', 'surplus'] as const) counts[outcome] += applied[outcome];
      for (const row of applied.completed) {
        const window = windowAt(state, spec, row, group);
        if (window !== undefined) completed.push({ event, window, group });
      }
    }
    const isNew = inputs.some(({ input }) => input.sequence === undefined) || state.applied !== before;
    const isWanted = isNew && wantTimer(state, spec, now);
    trim(state, spec.rows, keepFrom);
    checkSize(sizeOf(state, spec));
    // A crash may have come before the timer was set: it is asked for again with the message.
    const timer = isWanted || isRepeated ? state.timer : undefined;
    const wake = timer && { key: token, at: new Date(timer.onMs).toISOString() };
    return {
      result: { completed, counts, wake },
      write: isNew ? { value: keepWindow(state, group), ttlMs: ttlOf(spec) } : undefined,
    };
  };
  return { key: `${subjectToken(record.id)}.${token}`, apply };
}

function readTimer(event: CloudEvent): { key: string; onMs: number } {
  const { key, at } = Object(dataJson(event)) as { key?: unknown; at?: unknown };
  const onMs = typeof at === 'string' ? Date.parse(at) : Number.NaN;
  if (typeof key === 'string' && !Number.isNaN(onMs)) return { key, onMs };
  throw new BoxError('invalid_argument', 'Cannot read timer: its data must be { key, at }');
}

/** Larger batches are halved by the connector: what one message alone brings must fit. */
function checkSize(numbers: number): void {
  if (numbers <= MAX_KEPT_NUMBERS) return;
  const rule = `what messages complete must fit ${MAX_KEPT_NUMBERS} numbers, got ${numbers}: hand in fewer signals in one message`;
  throw new BoxError('too_large', `Cannot keep window: ${rule}`);
}

/** How long a window is kept that nothing comes for: what it waits for is over by then. */
function ttlOf({ slots, rows, latenessMs, maxGapMs }: WindowSpec): number {
  if (slots.kind === 'signals') return 30 * DAY_MS;
  const span = slots.kind === 'time' ? slots.sizeMs + rows * slots.hopMs : slots.sizeMs;
  return 2 * (DAY_MS + span + latenessMs + maxGapMs);
}

/** The features of the windows that an event completed. */
async function windowEvents(
  event: CloudEvent,
  completed: GroupResult['completed'],
  { descriptor, set, limits }: WindowParts,
): Promise<CloudEvent[]> {
  const made: CloudEvent[] = [];
  for (const [i, { window, group }] of completed.entries()) {
    const base = completed.length === 1 ? event : partOf(event, i);
    const features = await set.make(window);
    made.push(
      featuresEvent({ ...base, source: group, time: window.end }, descriptor, features, limits.maxFeatureBytes),
    );
  }
  return made;
}
