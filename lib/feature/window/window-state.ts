/** A signal as a window takes it. */
export interface Measured {
  /** When it was measured, milliseconds since 1970. */
  readonly time: number;
  /** Its values by column; none for a column that it says nothing of. */
  readonly values: readonly { readonly column: number; readonly numbers: readonly number[] }[];
}

/** A row of a window: what the slots from `start` to `end` came to. Times are milliseconds since 1970. */
export interface Row {
  readonly start: number;
  readonly end: number;
  /** One number for each column. */
  readonly values: Float64Array;
}

/** What is known of the signals between two times, or of a few signals, while rows still need it. */
export interface Pane {
  readonly start: number;
  readonly cells: Float64Array;
}

/** A window that was completed: the number of its last row, and how many rows it has that were made. */
export interface Completed {
  readonly last: number;
  readonly rows: number;
}

/** The windows that a message completed. */
export interface Emission {
  readonly sequence: number;
  readonly windows: readonly Completed[];
}

/**
 * What is kept of a window between messages. It is changed in place: each batch works on its own copy, read from the store.
 */
export interface WindowState {
  /** The sequence of the last message that was applied; those up to it are not applied again. */
  applied: number;
  /** The latest time that signals or timers have told of; undefined before the first signal. */
  clock: number | undefined;
  /** The latest time of a signal. */
  seen: number;
  /** The end of the last slot of time that is closed. */
  closed: number;
  /** Signals since the window began, where slots end with them. */
  signals: number;
  /** With slots that slide a pane is a signal: how many of them have been looked at. The others wait for what may come late. */
  looked: number;
  /** Rows that were ever made: the number of the last one. */
  made: number;
  /** Rows that were made before the window last began anew. */
  madeBefore: number;
  /** The last rows, oldest first; the last of them has number `made`. */
  rows: Row[];
  /** By start. */
  panes: Pane[];
  /** What each column came to last; NaN for nothing yet. */
  last: Float64Array;
  /** What messages completed that may be processed again, in their order. */
  emitted: Emission[];
  /** How long after `seen` the last signal was stored, by the clock on the wall. */
  skewMs: number;
  /** The timer that was asked for: up to when by the signals' times, and when it comes by the clock on the wall. */
  timer: { readonly until: number; readonly onMs: number } | undefined;
}

/** What came of one signal. */
export interface Added {
  readonly completed: readonly Completed[];
  /** `late`: every slot of it was closed; `surplus`: its slot had no room. */
  readonly outcome: 'counted' | 'late' | 'surplus';
}

export const LATE: Added = { completed: [], outcome: 'late' };

export function newWindow(columns: number): WindowState {
  return {
    applied: 0,
    clock: undefined,
    seen: Number.MIN_SAFE_INTEGER,
    closed: 0,
    signals: 0,
    looked: 0,
    made: 0,
    madeBefore: 0,
    rows: [],
    panes: [],
    last: new Float64Array(columns).fill(Number.NaN),
    emitted: [],
    skewMs: 0,
    timer: undefined,
  };
}
