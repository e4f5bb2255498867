import { BoxError, errorText } from '#lib/error/box-error.ts';
import { isRecord } from '#lib/json/json-object.ts';
import { csvRules, readCsv } from '../format/csv.ts';
import type { EventSignal } from './event-signal.ts';

/** The most signals that one body may hold. */
export const MAX_ROWS = 10_000;

/**
 * The JSON values of the signals in a body that holds many: rows of CSV, lines of NDJSON, and the objects of a JSON list
 * when every feature looks for a field (`takesFields`), which a list has not. Undefined for a body that is one signal.
 *
 * @throws BoxError `invalid_argument` for a body that cannot be taken apart, `too_large` for more than 10,000.
 */
export function splitSignal(signal: EventSignal, takesFields: boolean): readonly unknown[] | undefined {
  const rows = rowsOf(signal, takesFields);
  if (rows !== undefined && rows.length > MAX_ROWS) {
    throw new BoxError('too_large', `Cannot read signal: it may hold ${MAX_ROWS} signals at most, got more`);
  }
  return rows;
}

function rowsOf(signal: EventSignal, takesFields: boolean): readonly unknown[] | undefined {
  const { format } = signal;
  switch (format) {
    case 'csv':
    case 'tsv':
      return inFormat(signal, () => csvRows(signal, format));
    case 'ndjson':
      return inFormat(signal, () => jsonLines(signal.text()));
    case 'json':
    case 'cbor':
    case 'msgpack': {
      if (!takesFields) return undefined;
      const json = format === 'json' ? jsonOrNothing(signal) : signal.json();
      return Array.isArray(json) && json.length > 0 && json.every(isRecord) ? json : undefined;
    }
    default:
      return undefined;
  }
}

/** What is no JSON is told by the feature that wants it. */
function jsonOrNothing(signal: EventSignal): unknown {
  return signal.event.data_base64 === undefined ? signal.event.data : signal.json();
}

function inFormat(signal: EventSignal, read: () => readonly unknown[]): readonly unknown[] {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof BoxError) throw cause;
    const what = `Cannot read signal: it must be ${signal.format} (${errorText(cause).slice(0, 200)})`;
    throw new BoxError('invalid_argument', what, { cause });
  }
}

function csvRows(signal: EventSignal, format: 'csv' | 'tsv'): readonly unknown[] {
  const { header, separator } = csvRules(signal.event.datacontenttype, format);
  const { names, rows } = readCsv(signal.text(), header, separator, MAX_ROWS + 1);
  if (names === undefined) return rows.map((row) => row.map(cellOf));
  return rows.map((row) => Object.fromEntries(row.map((cell, i) => [names[i] as string, cellOf(cell)])));
}

/** An empty cell is no value. */
function cellOf(cell: string): string | null {
  return cell === '' ? null : cell;
}

/** One more than there may be at most: of ten million short lines none but the first are made values of. */
function jsonLines(text: string): unknown[] {
  const rows: unknown[] = [];
  let start = 0;
  for (let number = 1; start < text.length && rows.length <= MAX_ROWS; number++) {
    const feed = text.indexOf('\n', start);
    const end = feed === -1 ? text.length : feed;
    const line = text.slice(start, end).trim();
    start = end + 1;
    if (line === '') continue;
    try {
      rows.push(JSON.parse(line));
    } catch (cause) {
      throw new Error(`line ${number} must be JSON`, { cause });
    }
  }
  return rows;
}
