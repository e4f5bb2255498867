import { closeSlot } from './make-row.ts';
import { addTo, beginAnew, latest } from './pane.ts';
import type { TimeSlots, WindowSpec } from './window-spec.ts';
import { type Added, type Completed, LATE, type Measured, type Pane, type WindowState } from './window-state.ts';

/** Adds a signal to the slots of time that it falls in, and closes those that are over by its time. */
export function addToTimeSlots(state: WindowState, spec: WindowSpec, slots: TimeSlots, signal: Measured): Added {
  const { time } = signal;
  const completed: Completed[] = [];
  if (state.clock !== undefined && time - state.seen > spec.maxGapMs) {
    // As silence would have, up to where it ends the window.
    completed.push(...passTime(state, spec, slots, state.seen + spec.maxGapMs));
    beginAnew(state);
  }
  if (state.clock === undefined) {
    state.closed = aligned(time - spec.latenessMs, slots.hopMs, slots.offsetMs);
    state.clock = time;
    state.seen = time;
  }
  const start = aligned(time, slots.paneMs, slots.offsetMs);
  const lastEnd = aligned(start + slots.sizeMs, slots.hopMs, slots.offsetMs);
  if (lastEnd <= state.closed) return LATE;
  addTo(paneAt(state.panes, start, spec.cellSize), spec, signal);
  state.seen = latest(state.seen, time);
  completed.push(...passTime(state, spec, slots, time));
  return { completed, outcome: 'counted' };
}

/** Closes the slots that are over, and have waited for late signals, at a time. Tells of the windows that that completes. */
export function passTime(state: WindowState, spec: WindowSpec, slots: TimeSlots, time: number): Completed[] {
  const completed: Completed[] = [];
  const { sizeMs, hopMs } = slots;
  state.clock = latest(state.clock, time);
  for (let end = state.closed + hopMs; end + spec.latenessMs <= state.clock; end += hopMs) {
    const start = end - sizeMs;
    const panes = state.panes.filter((pane) => pane.start >= start && pane.start < end);
    const made = closeSlot(state, spec, { start, end, panes });
    if (made !== undefined) completed.push(made);
    state.closed = end;
    // What the next slot begins after is needed no more.
    if (panes.length > 0) state.panes = state.panes.filter((pane) => pane.start >= start + hopMs);
  }
  return completed;
}

/** The last boundary that is not after a time. */
export function aligned(time: number, stepMs: number, offsetMs: number): number {
  return Math.floor((time - offsetMs) / stepMs) * stepMs + offsetMs;
}

function paneAt(panes: Pane[], start: number, size: number): Pane {
  // Nearly always the last one, or a new one after it.
  let at = panes.length;
  while (at > 0 && (panes[at - 1] as Pane).start > start) at--;
  const before = panes[at - 1];
  if (before?.start === start) return before;
  const pane = { start, cells: new Float64Array(size) };
  panes.splice(at, 0, pane);
  return pane;
}
