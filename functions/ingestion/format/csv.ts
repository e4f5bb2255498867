import { contentTypeParameter } from './body-format.ts';

/** Rows of CSV as signals. */
export interface CsvTable {
  /** The names of the columns; undefined when the first row is a row like others. */
  readonly names: readonly string[] | undefined;
  readonly rows: readonly (readonly string[])[];
}

/** What a content type says of the CSV that it names; the rest is told by the first line. */
export interface CsvRules {
  readonly header: boolean | undefined;
  readonly separator: string | undefined;
}

/** The separators, in the order in which the first line is searched for them. */
export const SEPARATORS = [
  { name: 'comma', sign: ',' },
  { name: 'semicolon', sign: ';' },
  { name: 'tab', sign: '\t' },
] as const;

/** What `text/csv; header=absent; separator=semicolon` says, and that of `text/tab-separated-values`. */
export function csvRules(contentType: string | undefined, format: 'csv' | 'tsv'): CsvRules {
  const header = contentTypeParameter(contentType, 'header');
  const separator = contentTypeParameter(contentType, 'separator') ?? '';
  return {
    header: header === undefined ? undefined : header !== 'absent',
    separator: format === 'tsv' ? '\t' : SEPARATORS.find(({ name }) => name === separator)?.sign,
  };
}

const MAX_COLUMNS = 10_000;

/**
 * Reads CSV (RFC 4180): quoted cells may hold separators, line breaks and doubled quotes. A header is there unless
 * `header` says otherwise or every cell of the first row is a number. The separator is a comma, or else a semicolon or a
 * tab where the first line has no comma. Not more than `maxRows` rows are read, the header not counted.
 */
export function readCsv(
  text: string,
  header: boolean | undefined,
  separator?: string,
  maxRows = Number.POSITIVE_INFINITY,
): CsvTable {
  const clean = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const rows = parseRows(clean, separator ?? guessSeparator(clean), maxRows + 1);
  const [first] = rows;
  if (first === undefined) throw new Error('it must have a row');
  const named = header ?? !first.every(isNumber);
  const width = first.length;
  for (const [index, row] of rows.entries()) {
    if (row.length !== width) throw new Error(`row ${index + 1} must have ${width} cells, got ${row.length}`);
  }
  if (!named) return { names: undefined, rows };
  if (new Set(first).size !== first.length) throw new Error('its columns must have a name each, none twice');
  return { names: first, rows: rows.slice(1) };
}

function isNumber(cell: string): boolean {
  return cell.trim() !== '' && Number.isFinite(Number(cell));
}

/** The separator of a text by its first line. */
export function guessSeparator(text: string): string {
  const end = text.search(/[\r\n]/);
  const line = end === -1 ? text : text.slice(0, end);
  return SEPARATORS.find(({ sign }) => line.includes(sign))?.sign ?? ',';
}

function parseRows(text: string, separator: string, maxRows: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length && rows.length < maxRows) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at, separator);
    row.push(cell.value);
    if (row.length > MAX_COLUMNS) throw new Error(`a row must have at most ${MAX_COLUMNS} cells`);
    at = cell.end;
    if (text[at] === separator) {
      at++;
      // A separator at the very end is followed by one more, empty cell.
      if (at === text.length) row.push('');
      continue;
    }
    if (at < text.length && text[at] !== '\n' && text[at] !== '\r')
      throw new Error('a quoted cell must end at a separator');
    at += text[at] === '\r' && text[at + 1] === '\n' ? 2 : 1;
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
  }
  if (row.length > 0) rows.push(row);
  return rows;
}

function plainCell(text: string, start: number, separator: string): { value: string; end: number } {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== '\n' && text[end] !== '\r') end++;
  return { value: text.slice(start, end), end };
}

function quotedCell(text: string, start: number): { value: string; end: number } {
  let value = '';
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) throw new Error('a quoted cell must end');
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    from = quote + 2;
  }
}
