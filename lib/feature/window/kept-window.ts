import type { WindowSpec } from './window-spec.ts';
import type { Emission, Pane, Row, WindowState } from './window-state.ts';

/** A window's state as a JSON value: its numbers as the base64 of their float64, which knows NaN and infinity. */
export interface KeptWindow {
  readonly version: 1;
  /** Whose window it is. */
  readonly group: string;
  readonly applied: number;
  readonly clock: number | null;
  readonly seen: number;
  readonly closed: number;
  readonly signals: number;
  readonly looked: number;
  readonly made: number;
  readonly madeBefore: number;
  readonly rows: string;
  readonly panes: string;
  readonly last: string;
  readonly emitted: readonly (readonly [
    sequence: number,
    windows: readonly (readonly [last: number, rows: number])[],
  ])[];
  readonly skewMs: number;
  readonly timer: readonly [number, number] | null;
}

/** How many messages before the batch are remembered: servers may bring what was in flight at a crash after newer messages. */
const EMISSIONS_KEPT = 16;

/** Forgets what is needed no more: rows before the window, and what messages before `keepFrom` completed. */
export function trim(state: WindowState, rows: number, keepFrom: number): void {
  const { emitted, made } = state;
  const light = made - rows - EMISSIONS_KEPT;
  state.emitted = emitted.filter(
    ({ sequence, windows: [first] }, i) =>
      sequence >= keepFrom || (i >= emitted.length - EMISSIONS_KEPT && (first?.last ?? made) > light),
  );
  const before = state.emitted.reduce(
    (least, { windows }) => Math.min(least, ...windows.map((window) => window.last - window.rows)),
    made + 1 - rows,
  );
  const kept = Math.max(0, made - before);
  if (state.rows.length > kept) state.rows = state.rows.slice(state.rows.length - kept);
}

/** Numbers that the state of a window holds, about. */
export function sizeOf(state: WindowState, { columns, cellSize }: WindowSpec): number {
  return state.rows.length * (columns.length + 2) + state.panes.length * (cellSize + 1);
}

export function keepWindow(state: WindowState, group: string): KeptWindow {
  const { applied, clock, seen, closed, signals, looked, made, madeBefore, skewMs, timer } = state;
  return {
    version: 1,
    group,
    applied,
    clock: clock ?? null,
    seen,
    closed,
    signals,
    looked,
    made,
    madeBefore,
    rows: packed(state.rows, ({ start, end, values }) => [start, end, ...values]),
    panes: packed(state.panes, ({ start, cells }) => [start, ...cells]),
    last: base64(state.last),
    emitted: state.emitted.map(({ sequence, windows }) => [
      sequence,
      windows.map((window): [number, number] => [window.last, window.rows]),
    ]),
    skewMs,
    timer: timer ? [timer.until, timer.onMs] : null,
  };
}

/** What was kept; undefined for nothing, or for what another version of this function kept. */
export function readKeptWindow(value: unknown, { columns, cellSize }: WindowSpec): WindowState | undefined {
  if (!isKept(value)) return undefined;
  const { applied, clock, seen, closed, signals, looked, made, madeBefore, skewMs, timer } = value;
  return {
    applied,
    clock: clock ?? undefined,
    seen,
    closed,
    signals,
    looked,
    made,
    madeBefore,
    rows: unpacked(value.rows, columns.length + 2, rowOf),
    panes: unpacked(value.panes, cellSize + 1, paneOf),
    last: numbers(value.last),
    emitted: value.emitted.map(
      ([sequence, windows]): Emission => ({ sequence, windows: windows.map(([last, rows]) => ({ last, rows })) }),
    ),
    skewMs,
    timer: timer ? { until: timer[0], onMs: timer[1] } : undefined,
  };
}

/** Whose window was kept. */
export function keptGroup(value: unknown): string | undefined {
  return isKept(value) ? value.group : undefined;
}

function isKept(value: unknown): value is KeptWindow {
  return typeof value === 'object' && value !== null && 'version' in value && value.version === 1;
}

function rowOf(numbers: Float64Array): Row {
  return { start: numbers[0] as number, end: numbers[1] as number, values: numbers.subarray(2) };
}

function paneOf(numbers: Float64Array): Pane {
  return { start: numbers[0] as number, cells: numbers.subarray(1) };
}

function packed<T>(items: readonly T[], numbersIn: (item: T) => readonly number[]): string {
  return base64(Float64Array.from(items.flatMap(numbersIn)));
}

function unpacked<T>(text: string, width: number, read: (numbers: Float64Array) => T): T[] {
  const all = numbers(text);
  return Array.from({ length: all.length / width }, (_, i) => read(all.subarray(i * width, (i + 1) * width)));
}

function base64(data: Float64Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

function numbers(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  // A copy of its own: a view needs a start that eight divides.
  return new Float64Array(Uint8Array.from(bytes).buffer);
}
