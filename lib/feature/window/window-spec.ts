import { isRecord } from '../../json/json-object.ts';
import type { Given } from '../given.ts';
import { compileJsonPath } from '../json-path.ts';
import type { Signal } from '../signal.ts';
import { readInstant } from '../steps/time-step.ts';
import { fault } from '../value.ts';
import { AGGREGATES, type Aggregate } from './aggregate.ts';
import {
  type Column,
  type ColumnReader,
  type Fill,
  MAX_COLUMNS,
  readColumns,
  readFill,
  readKey,
  readPlace,
} from './column.ts';

/** Slots of time: `[k·hop, k·hop + size)`, counted from `offsetMs` after 1970 began. */
export interface TimeSlots {
  readonly kind: 'time';
  readonly sizeMs: number;
  readonly hopMs: number;
  /** What divides both: what is known of so much time is kept together. */
  readonly paneMs: number;
  readonly offsetMs: number;
}

/** Slots of so many signals. */
export interface SignalSlots {
  readonly kind: 'signals';
  readonly size: number;
  readonly hop: number;
  readonly pane: number;
}

/** A slot that ends with every so many signals and goes back so much time. */
export interface SlidingSlots {
  readonly kind: 'sliding';
  readonly sizeMs: number;
  readonly hop: number;
  readonly maxSignals: number;
}

/** What the `window` of a data descriptor says, compiled. */
export interface WindowSpec {
  readonly slots: TimeSlots | SignalSlots | SlidingSlots;
  readonly latenessMs: number;
  readonly maxGapMs: number;
  readonly maxAheadMs: number;
  /** Rows of a window, and how many new ones make the next. */
  readonly rows: number;
  readonly everyRows: number;
  /** What stands in for rows of which there are none yet; undefined: windows begin when there are enough. */
  readonly pad: number | undefined;
  readonly columns: readonly Column[];
  readonly readers: readonly ColumnReader[];
  /** Numbers in the cells of all columns, and where each column's are. */
  readonly cellSize: number;
  readonly cells: readonly { readonly aggregate: Aggregate; readonly at: number }[];
  /** Which window a signal belongs to; the text is the source of its features. */
  readonly groupOf: (signal: Signal) => string | undefined;
  /** When it was measured, milliseconds since 1970; undefined: when its event says. */
  readonly timeOf: ((signal: Signal) => number) | undefined;
  /** The parts of a signal's body that are signals of their own. */
  readonly each: ((json: unknown) => readonly unknown[]) | undefined;
}

/** What `window` may have, for the documentation. */
export const WINDOW_DOCS: Readonly<Record<string, string>> = {
  columns: 'The columns of a row, see below.',
  size_seconds: 'A slot is so long, to the millisecond. This or `size_signals` must be given.',
  size_signals: 'A slot is so many signals.',
  every_seconds: 'A slot begins every so many seconds; left out: when the one before ends.',
  every_signals:
    'With `size_signals`: a slot ends every so many signals; left out: when it is full. With `size_seconds`: a slot ends with every so many signals, and goes back so much time.',
  offset_seconds: 'Slots of time are counted from 1970-01-01T00:00Z and this, default 0.',
  rows: 'The slots of a window, default 1: the last of them, oldest first.',
  every_rows: 'Features are made every so many rows; default 1. As many as `rows`: windows do not overlap.',
  pad: 'Windows begin with the first row, and have rows of this number in front until there are enough: 0, as `numpy.zeros` that is filled. Left out: they begin when there are enough rows.',
  per: 'Whose signals share a window: `source` (default: each source has its own), `all`, a JSONPath, or `{ "field": "machine" }`.',
  time: 'When it was measured: a JSONPath, `{ "field": … }`, or `{ "from": …, "format": …, "zone": … }` with those of step `time`. Left out: the time of the event, which is when the signal came unless it says another.',
  lateness_seconds: 'How long a slot waits for signals that come late, by their own times; default 0.',
  max_gap_seconds:
    'After so long without a signal the window begins anew; default an hour, where that is no more than 3,600 rows or 40,000 numbers.',
  max_ahead_seconds: 'A signal whose time is further ahead of the clock is refused; default 300.',
  fill: 'The fill of columns that have none of their own, see below.',
  each: 'A JSONPath: each thing that it finds in the body is a signal of its own.',
  max_signals: 'With `size_seconds` and `every_signals`: the most signals that a slot may have, default 1000.',
};

/** The most numbers that a window keeps: with base64 they fit the smallest message that NATS takes by default. */
const MAX_NUMBERS = 65_536;
const MAX_GAP_ROWS = 3600;
const GAP_NUMBERS = 40_000;
const HOUR_MS = 3_600_000;
const YEAR_SECONDS = 366 * 86_400;

/** Reads `window`; notes what is wrong with it. */
export function readWindow(given: Given): WindowSpec | undefined {
  const fields = given.fields(Object.keys(WINDOW_DOCS));
  if (fields === undefined) return undefined;
  const count = (name: string, max: number) => fields[name]?.integer({ min: 1, max });
  const fill = fields.fill && readFill(fields.fill);
  const table = readTable(fields.columns, given, fill);
  const slots = readSlots(given);
  const rows = fields.rows ? count('rows', MAX_NUMBERS) : 1;
  const everyRows = fields.every_rows ? count('every_rows', MAX_NUMBERS) : 1;
  const pad = fields.pad?.number();
  const latenessMs = fields.lateness_seconds ? milliseconds(fields.lateness_seconds, 0) : 0;
  const maxAheadMs = fields.max_ahead_seconds ? milliseconds(fields.max_ahead_seconds, 0, 1e10) : 300_000;
  const groupOf = readGroup(fields.per);
  const timeOf = fields.time && readTime(fields.time);
  const each = fields.each && readEach(fields.each);
  if (table === undefined || slots === undefined || rows === undefined || everyRows === undefined) return undefined;
  if (latenessMs === undefined || maxAheadMs === undefined || groupOf === undefined) return undefined;
  if (slots.kind === 'signals' && latenessMs > 0) fields.lateness_seconds?.note('must not be with size_signals alone');
  const maxGapMs = readGap(fields.max_gap_seconds, slots, latenessMs, table.columns.length);
  if (maxGapMs === undefined) return undefined;
  const spec = { slots, latenessMs, maxGapMs, maxAheadMs, rows, everyRows, pad, ...table, groupOf, timeOf, each };
  const numbers = numbersOf(spec);
  if (numbers > MAX_NUMBERS) {
    given.note(`must keep at most ${MAX_NUMBERS} numbers (rows, slots that are filled and gaps), got ${numbers}`);
  }
  return spec;
}

function readTable(list: Given | undefined, parent: Given, fill: Fill | undefined) {
  if (list === undefined) return parent.note('must have columns');
  const columns: Column[] = [];
  const readers: ColumnReader[] = [];
  for (const entry of list.list({ min: 1, max: MAX_COLUMNS }) ?? []) {
    const read = readColumns(entry, columns.length, fill);
    if (read === undefined) continue;
    for (const column of read.columns) {
      if (RESERVED.has(column.name)) entry.note(`must not have a column named ${column.name}`);
      if (columns.some(({ name }) => name === column.name)) entry.note(`must not have column ${column.name} twice`);
      columns.push(column);
    }
    readers.push(read.reader);
  }
  if (columns.length > MAX_COLUMNS) list.note(`must be ${MAX_COLUMNS} columns at most, got ${columns.length}`);
  let cellSize = 0;
  const cells = columns.map(({ of }) => {
    const aggregate: Aggregate = AGGREGATES[of];
    const at = cellSize;
    cellSize += aggregate.size;
    return { aggregate, at };
  });
  return columns.length === 0 ? undefined : { columns, readers, cells, cellSize };
}

/** What a window has besides its columns. */
const RESERVED = new Set(['rows', 'columns', 'start', 'end', 'source']);

function readSlots(given: Given): WindowSpec['slots'] | undefined {
  const [seconds, signals] = [given.field('size_seconds'), given.field('size_signals')];
  const [everySeconds, everySignals] = [given.field('every_seconds'), given.field('every_signals')];
  if ((seconds === undefined) === (signals === undefined)) return given.note('must have size_seconds or size_signals');
  const max = given.field('max_signals');
  if (max !== undefined && (seconds === undefined || everySignals === undefined)) {
    max.note('must come with size_seconds and every_signals');
  }
  if (signals !== undefined) return signalSlots(signals, everySeconds, everySignals);
  const sizeMs = seconds && milliseconds(seconds, 1);
  if (sizeMs === undefined) return undefined;
  if (everySignals !== undefined) {
    if (everySeconds !== undefined) return everySeconds.note('must not be beside every_signals');
    const hop = everySignals.integer({ min: 1, max: MAX_NUMBERS });
    const maxSignals = max === undefined ? 1000 : max.integer({ min: 1, max: MAX_NUMBERS });
    return hop && maxSignals ? { kind: 'sliding', sizeMs, hop, maxSignals } : undefined;
  }
  const hopMs = everySeconds === undefined ? sizeMs : milliseconds(everySeconds, 1);
  const offset = given.field('offset_seconds');
  const offsetMs = offset === undefined ? 0 : milliseconds(offset, 0);
  if (hopMs === undefined || offsetMs === undefined) return undefined;
  if (hopMs > sizeMs) return everySeconds?.refuse('must be at most size_seconds');
  return { kind: 'time', sizeMs, hopMs, paneMs: divisor(sizeMs, hopMs), offsetMs };
}

function signalSlots(signals: Given, everySeconds: Given | undefined, everySignals: Given | undefined) {
  if (everySeconds !== undefined) return everySeconds.note('must not be beside size_signals');
  const size = signals.integer({ min: 1, max: 1_000_000 });
  const hop = everySignals === undefined ? size : everySignals.integer({ min: 1, max: 1_000_000 });
  if (size === undefined || hop === undefined) return undefined;
  if (hop > size) return everySignals?.refuse('must be at most size_signals');
  return { kind: 'signals', size, hop, pane: divisor(size, hop) } as const;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** Seconds as whole milliseconds. */
function milliseconds(given: Given, min: number, maxSeconds = YEAR_SECONDS): number | undefined {
  const seconds = given.number({ min: min / 1000, max: maxSeconds });
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

function readGroup(given: Given | undefined): WindowSpec['groupOf'] | undefined {
  return given?.value === 'all' ? () => 'default' : readKey(given);
}

function readTime(given: Given): WindowSpec['timeOf'] {
  const fields = isRecord(given.value) && given.field('from') ? given.fields(['from', 'format', 'zone']) : undefined;
  const read = readPlace(fields?.from ?? given);
  const instant = readInstant(fields?.format, fields?.zone);
  if (read === undefined || instant === undefined) return undefined;
  return (signal) => {
    const found = read(signal);
    if (found === undefined || found === null) throw fault('must have the time of window.time');
    return milli(instant(found));
  };
}

/** Seconds since 1970 as milliseconds, without what halving and doubling did to the last digits: to the microsecond. */
export function milli(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}

function readEach(given: Given): WindowSpec['each'] {
  const path = compileJsonPath(given);
  return (
    path &&
    ((json) => {
      const found = path.get(json);
      if (found === undefined || found === null) return [];
      return Array.isArray(found) ? found : [found];
    })
  );
}

function readGap(given: Given | undefined, slots: WindowSpec['slots'], latenessMs: number, columns: number) {
  if (slots.kind === 'signals') return given === undefined ? Number.POSITIVE_INFINITY : milliseconds(given, 1);
  if (slots.kind === 'sliding')
    return given === undefined ? HOUR_MS + latenessMs + slots.sizeMs : milliseconds(given, 1);
  const { sizeMs, hopMs } = slots;
  // What was measured last must have come out before the window begins anew.
  const least = sizeMs + hopMs + latenessMs;
  if (given !== undefined) {
    const own = milliseconds(given, 1);
    return own === undefined || own >= least
      ? own
      : given.refuse(`must be at least ${least / 1000} (a slot, the next one and lateness)`);
  }
  const rows = Math.min(MAX_GAP_ROWS, Math.floor(GAP_NUMBERS / (columns + 2)), Math.ceil(HOUR_MS / hopMs));
  return Math.max(least, rows * hopMs);
}

/** The most numbers that the state of a window holds after one signal. */
function numbersOf({ slots, rows, columns, cellSize, maxGapMs, latenessMs }: Omit<WindowSpec, 'readers'>): number {
  const row = columns.length + 2;
  if (slots.kind === 'signals') return (rows + 1) * row + (slots.size / slots.pane + 1) * (cellSize + 1);
  if (slots.kind === 'sliding') return (rows + slots.maxSignals) * row + slots.maxSignals * (cellSize + 1);
  const panes = (slots.sizeMs + slots.hopMs + latenessMs) / slots.paneMs;
  const gap = Math.ceil(maxGapMs / slots.hopMs);
  return Math.ceil((rows + gap) * row + panes * (cellSize + 1));
}
