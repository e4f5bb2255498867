import type { WindowSpec } from './window-spec.ts';
import type { Completed, Pane, WindowState } from './window-state.ts';

/**
 * Closes a slot: makes a row of its panes, unless a column that has no value says that there is none, or nothing has come
 * yet since the window began. Tells of the window that the row completes.
 */
export function closeSlot(
  state: WindowState,
  spec: WindowSpec,
  slot: { readonly start: number; readonly end: number; readonly panes: readonly Pane[] },
): Completed | undefined {
  const cells = merged(slot.panes, spec);
  const values = new Float64Array(spec.columns.length);
  let isRow = state.made > state.madeBefore || spec.cells.some(({ at }) => cells[at] !== 0);
  for (const [i, { aggregate, at }] of spec.cells.entries()) {
    const fill = spec.columns[i]?.fill;
    if (cells[at] !== 0) {
      values[i] = aggregate.result(cells, at);
      state.last[i] = values[i] as number;
    } else if (spec.columns[i]?.of === 'count') values[i] = 0;
    else if (fill?.kind === 'value') values[i] = fill.value;
    else if (fill?.kind === 'last' && !Number.isNaN(state.last[i])) values[i] = state.last[i] as number;
    else isRow = false;
  }
  if (!isRow) return undefined;
  state.rows.push({ start: slot.start, end: slot.end, values });
  state.made++;
  return completedBy(state, spec);
}

function completedBy({ made, madeBefore }: WindowState, spec: WindowSpec): Completed | undefined {
  const rows = made - madeBefore;
  if (spec.pad !== undefined) {
    return rows % spec.everyRows === 0 ? { last: made, rows: Math.min(rows, spec.rows) } : undefined;
  }
  return rows >= spec.rows && (rows - spec.rows) % spec.everyRows === 0 ? { last: made, rows: spec.rows } : undefined;
}

/** Whether a slot without any value makes a row. */
export function fillsSilence(state: WindowState, { columns }: WindowSpec): boolean {
  return (
    state.made > state.madeBefore &&
    columns.every(
      ({ of, fill }, i) =>
        of === 'count' || fill.kind === 'value' || (fill.kind === 'last' && !Number.isNaN(state.last[i])),
    )
  );
}

function merged(panes: readonly Pane[], { cells: places, cellSize }: WindowSpec): Float64Array {
  const [only] = panes;
  if (only !== undefined && panes.length === 1) return only.cells;
  const cells = new Float64Array(cellSize);
  for (const pane of panes) {
    for (const { aggregate, at } of places) if (pane.cells[at] !== 0) aggregate.merge(cells, at, pane.cells, at);
  }
  return cells;
}
