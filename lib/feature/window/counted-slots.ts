import { closeSlot } from './make-row.ts';
import { addTo, beginAnew, latest } from './pane.ts';
import type { SignalSlots, SlidingSlots, WindowSpec } from './window-spec.ts';
import { type Added, type Completed, LATE, type Measured, type Pane, type WindowState } from './window-state.ts';

/** Adds a signal to slots of so many signals, in the order in which they come, whatever their times. */
export function addToSignalSlots(state: WindowState, spec: WindowSpec, slots: SignalSlots, signal: Measured): Added {
  if (state.clock !== undefined && signal.time - state.seen > spec.maxGapMs) beginAnew(state);
  state.clock = latest(state.clock, signal.time);
  state.seen = state.clock;
  if (state.signals % slots.pane === 0) {
    state.panes.push({ start: signal.time, cells: new Float64Array(spec.cellSize) });
  }
  // The first and the last are those by arrival.
  addTo(state.panes.at(-1) as Pane, spec, signal, state.signals);
  state.signals++;
  if (state.signals < slots.size || (state.signals - slots.size) % slots.hop !== 0) {
    return { completed: [], outcome: 'counted' };
  }
  const start = state.panes[0]?.start ?? signal.time;
  const made = closeSlot(state, spec, { start, end: signal.time, panes: state.panes });
  state.panes = state.panes.slice(slots.hop / slots.pane);
  return { completed: made === undefined ? [] : [made], outcome: 'counted' };
}

/**
 * Adds a signal to slots that end with signals and go back in time. Panes are signals here, by their times; those that have not
 * been looked at wait for what may come late.
 */
export function addToSlidingSlots(state: WindowState, spec: WindowSpec, slots: SlidingSlots, signal: Measured): Added {
  const { time } = signal;
  const completed: Completed[] = [];
  if (state.clock !== undefined && time - state.seen > spec.maxGapMs) {
    completed.push(...passSliding(state, spec, slots, state.seen + spec.maxGapMs));
    beginAnew(state);
  }
  if (state.clock !== undefined && time < state.clock - spec.latenessMs) return LATE;
  completed.push(...passSliding(state, spec, slots, time));
  dropBefore(state, latest(state.clock, time) - spec.latenessMs - slots.sizeMs);
  if (state.panes.length >= slots.maxSignals) return { completed, outcome: 'surplus' };
  const pane = { start: time, cells: new Float64Array(spec.cellSize) };
  addTo(pane, spec, signal);
  let at = state.panes.length;
  while (at > 0 && (state.panes[at - 1] as Pane).start > time) at--;
  state.panes.splice(at, 0, pane);
  state.seen = Math.max(state.seen, time);
  completed.push(...passSliding(state, spec, slots, time));
  return { completed, outcome: 'counted' };
}

/** Looks at the signals that have waited long enough at a time, and makes a row at every so many of them. */
export function passSliding(state: WindowState, spec: WindowSpec, slots: SlidingSlots, time: number): Completed[] {
  const completed: Completed[] = [];
  state.clock = latest(state.clock, time);
  for (;;) {
    const next = state.panes[state.looked];
    if (next === undefined || next.start + spec.latenessMs > state.clock) return completed;
    const start = next.start - slots.sizeMs;
    state.looked++;
    state.signals++;
    dropBefore(state, start);
    if (state.signals % slots.hop !== 0) continue;
    const made = closeSlot(state, spec, { start, end: next.start, panes: state.panes.slice(0, state.looked) });
    if (made !== undefined) completed.push(made);
  }
}

/** Drops the signals up to a time, which is the open end of a slot. */
function dropBefore(state: WindowState, time: number): void {
  let gone = 0;
  while (gone < state.looked && (state.panes[gone] as Pane).start <= time) gone++;
  if (gone === 0) return;
  state.panes = state.panes.slice(gone);
  state.looked -= gone;
}
