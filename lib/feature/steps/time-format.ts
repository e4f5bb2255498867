import type { Given } from '../given.ts';

/** A time as it was written: the clock's reading, and how far that clock is from UTC where it says so. */
export interface WrittenTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly offsetSeconds: number | undefined;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** The directives of Python's strptime that are taken, each as a group of an expression. */
const DIRECTIVES: Readonly<Record<string, string>> = {
  Y: '(?<Y>\\d{4})',
  y: '(?<y>\\d{2})',
  m: '(?<m>\\d{1,2})',
  d: '(?<d>\\d{1,2})',
  H: '(?<H>\\d{1,2})',
  I: '(?<I>\\d{1,2})',
  M: '(?<M>\\d{1,2})',
  S: '(?<S>\\d{1,2})',
  f: '(?<f>\\d{1,6})',
  p: '(?<p>[ap]m)',
  b: '(?<b>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)',
  B: '(?<B>january|february|march|april|may|june|july|august|september|october|november|december)',
  a: '(?:mon|tue|wed|thu|fri|sat|sun)',
  A: '(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)',
  z: '(?<z>z|[+-]\\d{2}:?\\d{2})',
  '%': '%',
};

const ISO =
  /^(?<Y>\d{4})-(?<m>\d{2})-(?<d>\d{2})(?:[Tt ](?<H>\d{2}):(?<M>\d{2})(?::(?<S>\d{2})(?:[.,](?<f>\d{1,9}))?)?\s?(?<z>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** Reads text by a format; undefined when it does not fit. */
export type TimeReader = (text: string) => WrittenTime | undefined;

export const readIsoTime: TimeReader = (text) => written(ISO.exec(text.trim())?.groups);

/** A reader for a format of strptime's directives. */
export function readTimeFormat(given: Given): TimeReader | undefined {
  const format = given.text(100);
  if (format === undefined) return undefined;
  const seen = new Set<string>();
  let bad: string | undefined;
  const pattern = format.replace(/%(.?)|\s+|[^%]/gs, (part, directive: string | undefined) => {
    if (directive === undefined) return /\s/.test(part) ? '\\s+' : part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    const group = DIRECTIVES[directive];
    if (group === undefined || (directive !== '%' && seen.has(directive))) bad = part;
    seen.add(directive);
    return group ?? '';
  });
  if (bad !== undefined) {
    return given.refuse(
      `must have each of the directives %${Object.keys(DIRECTIVES).join(' %')} once at most (${bad})`,
    );
  }
  const expression = new RegExp(`^${pattern}$`, 'i');
  return (text) => written(expression.exec(text.trim())?.groups);
}

function written(groups: Readonly<Record<string, string | undefined>> | undefined): WrittenTime | undefined {
  if (groups === undefined) return undefined;
  const number = (name: string, other: number) => (groups[name] === undefined ? other : Number(groups[name]));
  const fraction = groups.f === undefined ? 0 : Number(`0.${groups.f}`);
  const time = {
    year: groups.y === undefined ? number('Y', 1900) : shortYear(Number(groups.y)),
    month: monthOf(groups) ?? number('m', 1),
    day: number('d', 1),
    hour: hourOf(groups) ?? number('H', 0),
    minute: number('M', 0),
    second: number('S', 0) + fraction,
    offsetSeconds: groups.z === undefined ? undefined : offsetOf(groups.z),
  };
  return isReal(time) ? time : undefined;
}

/** Two digits of a year as POSIX reads them. */
function shortYear(year: number): number {
  return year < 69 ? 2000 + year : 1900 + year;
}

function monthOf(groups: Readonly<Record<string, string | undefined>>): number | undefined {
  const name = groups.b ?? groups.B;
  return name === undefined ? undefined : MONTHS.indexOf(name.slice(0, 3).toLowerCase()) + 1;
}

function hourOf(groups: Readonly<Record<string, string | undefined>>): number | undefined {
  if (groups.I === undefined) return undefined;
  const hour = Number(groups.I);
  if (hour < 1 || hour > 12) return Number.NaN;
  return (hour % 12) + (groups.p?.toLowerCase() === 'pm' ? 12 : 0);
}

function offsetOf(text: string): number {
  if (/z/i.test(text)) return 0;
  const digits = text.slice(1).replace(':', '');
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2) || 0) * 60;
  return text.startsWith('-') ? -seconds : seconds;
}

/** Whether there is such a day and time; a leap second is taken as the second before it would be: not at all. */
function isReal({ year, month, day, hour, minute, second }: WrittenTime): boolean {
  if (!(hour >= 0 && hour < 24 && minute < 60 && second < 60)) return false;
  const date = new Date(Date.UTC(2000, month - 1, day));
  date.setUTCFullYear(year, month - 1, day);
  return month >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
