import type { WindowSpec } from './window-spec.ts';
import type { Measured, Pane, WindowState } from './window-state.ts';

/** Adds a signal's values to the cells of a pane. `at` orders values where it is not their time that does. */
export function addTo(pane: Pane, spec: WindowSpec, { time, values }: Measured, at = time): void {
  for (const { column, numbers } of values) {
    const cell = spec.cells[column];
    if (cell === undefined) continue;
    for (const number of numbers) cell.aggregate.add(pane.cells, cell.at, at, number);
  }
}

/** Forgets every row and value; what messages completed that may come again stays. */
export function beginAnew(state: WindowState): void {
  state.clock = undefined;
  state.panes = [];
  state.signals = 0;
  state.looked = 0;
  state.madeBefore = state.made;
  state.last = new Float64Array(state.last.length).fill(Number.NaN);
}

/** The later of two times, the first of which may not be known yet. */
export function latest(one: number | undefined, other: number): number {
  return one === undefined ? other : Math.max(one, other);
}
