import { addToSignalSlots, addToSlidingSlots, passSliding } from './counted-slots.ts';
import { fillsSilence } from './make-row.ts';
import { addToTimeSlots, aligned, passTime } from './time-slots.ts';
import type { WindowSpec } from './window-spec.ts';
import type { Added, Completed, Measured, WindowState } from './window-state.ts';

/** What a window learns of: the signals of a message, or that the time has come that it asked for. */
export type WindowInput = { readonly sequence: number | undefined } & (
  | {
      readonly kind: 'signals';
      readonly signals: readonly Measured[];
      /** When the message was stored, by the clock on the wall: milliseconds since 1970. */
      readonly storedMs: number;
    }
  | { readonly kind: 'timer'; readonly onMs: number }
);

/** What came of an input. */
export interface Applied {
  readonly completed: readonly Completed[];
  readonly counted: number;
  /** Signals of which every slot was closed. */
  readonly late: number;
  /** Signals that a slot had no room for. */
  readonly surplus: number;
  /** Whether the message had been applied before: it gives what it gave then. */
  readonly processed: boolean;
}

/** How long after a slot's end, and lateness, silence closes it: what was measured in it may be under way. */
export const GRACE_MS = 1000;
/** A timer that is so long overdue was lost. */
const TIMER_LOST_MS = 60_000;
/**
 * Signals that come so long after their own time are of the past: how long nothing has come says nothing of them then. Nor is it
 * silence when a sender of old data pauses.
 */
const LIVE_MS = 10_000;

/**
 * Brings a window up to an input, in place. It looks at nothing but its arguments. Inputs come in the order of their sequences;
 * one that was applied before gives what it gave then, as long as that is kept.
 */
export function applyInput(state: WindowState, spec: WindowSpec, input: WindowInput): Applied {
  const { sequence } = input;
  if (sequence !== undefined && sequence <= state.applied) {
    const completed = state.emitted.find((each) => each.sequence === sequence)?.windows ?? [];
    return { ...NOTHING, completed, processed: true };
  }
  const applied = input.kind === 'timer' ? applyTimer(state, spec, input.onMs) : addAll(state, spec, input);
  if (sequence !== undefined) {
    state.applied = sequence;
    if (applied.completed.length > 0) state.emitted.push({ sequence, windows: applied.completed });
  }
  return { ...applied, processed: false };
}

type Result = Omit<Applied, 'processed'>;

const NOTHING: Result = { completed: [], counted: 0, late: 0, surplus: 0 };

function addAll(
  state: WindowState,
  spec: WindowSpec,
  { signals, storedMs }: Extract<WindowInput, { kind: 'signals' }>,
): Result {
  const completed: Completed[] = [];
  const counts = { counted: 0, late: 0, surplus: 0 };
  for (const signal of signals) {
    const added = add(state, spec, signal);
    counts[added.outcome]++;
    completed.push(...added.completed);
  }
  // A clock that is ahead is waited for.
  if (counts.counted > 0) state.skewMs = Math.max(0, storedMs - state.seen);
  return { completed, ...counts };
}

function add(state: WindowState, spec: WindowSpec, signal: Measured): Added {
  const { slots } = spec;
  switch (slots.kind) {
    case 'time':
      return addToTimeSlots(state, spec, slots, signal);
    case 'signals':
      return addToSignalSlots(state, spec, slots, signal);
    case 'sliding':
      return addToSlidingSlots(state, spec, slots, signal);
  }
}

/** A timer that is not the one that was asked for last was on its way when it was replaced: it says nothing. */
function applyTimer(state: WindowState, spec: WindowSpec, onMs: number): Result {
  const { timer, skewMs } = state;
  if (timer === undefined || timer.onMs !== onMs) return NOTHING;
  state.timer = undefined;
  if (!isLive(state, spec)) return NOTHING;
  // Signals that have come since may have taken longer: then it is not so late yet.
  return { ...NOTHING, completed: pass(state, spec, Math.min(timer.until, onMs - skewMs - GRACE_MS)) };
}

function pass(state: WindowState, spec: WindowSpec, clock: number): Completed[] {
  const { slots } = spec;
  if (slots.kind === 'time') return passTime(state, spec, slots, clock);
  return slots.kind === 'sliding' ? passSliding(state, spec, slots, clock) : [];
}

/**
 * The timer that the window needs now, noted in its state; true when it has to be asked for. One that was asked for and
 * comes no later will do: it asks again.
 */
export function wantTimer(state: WindowState, spec: WindowSpec, now: number): boolean {
  const until = nextDue(state, spec);
  if (until === undefined) {
    state.timer = undefined;
    return false;
  }
  const { timer } = state;
  if (timer !== undefined && timer.until <= until && timer.onMs + TIMER_LOST_MS > now) return false;
  state.timer = { until, onMs: Math.ceil(until + state.skewMs + GRACE_MS) };
  return true;
}

function isLive({ skewMs }: WindowState, { latenessMs }: WindowSpec): boolean {
  return skewMs <= Math.max(LIVE_MS, latenessMs);
}

/** When something is to be closed if nothing comes, by the signals' times. */
function nextDue(state: WindowState, spec: WindowSpec): number | undefined {
  const { slots, latenessMs, maxGapMs } = spec;
  if (state.clock === undefined || slots.kind === 'signals' || !isLive(state, spec)) return undefined;
  if (slots.kind === 'sliding') {
    const waiting = state.panes[state.looked];
    return waiting === undefined ? undefined : waiting.start + latenessMs;
  }
  const next = state.closed + slots.hopMs;
  if (fillsSilence(state, spec) && next + latenessMs <= state.seen + maxGapMs) return next + latenessMs;
  // Slots before the first with a value make no rows.
  const [first] = state.panes;
  return first && Math.max(next, aligned(first.start, slots.hopMs, slots.offsetMs) + slots.hopMs) + latenessMs;
}
