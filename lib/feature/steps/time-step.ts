import type { Given } from '../given.ts';
import { shown } from '../given.ts';
import type { StepKind } from '../step.ts';
import { fault, type Value } from '../value.ts';
import { readIsoTime, readTimeFormat, type TimeReader } from './time-format.ts';
import { clockSeconds, instantOf, readZone, UTC, type Zone } from './time-zone.ts';

const OPTIONS = {
  parts:
    'What is taken of the time, in this order: `year`, `month` (1 to 12), `day`, `hour`, `hour12` (as a clock of 12 hours shows it, 12 at noon and at midnight), `hour12_pm` (that, and 12 more from noon on: noon is 24, midnight 12), `minute`, `second` (with its fraction), `weekday` (Monday 0), `yearday` (1 to 366), `epoch` (seconds since 1970). `month`, `hour`, `minute`, `second`, `weekday` also as `hour_sin` and `hour_cos`: sine and cosine of 2π·part/period, the period being 12, 24, 60, 60, 7.',
  format:
    "How the time is written: `iso` (ISO 8601, default for text), `epoch` (seconds, default for numbers), `epoch_ms`, or directives of Python's strptime such as `%m/%d/%Y %I:%M %p`.",
  zone: 'The clock that is read, `Europe/Berlin`. Left out: that of the text, for an epoch UTC. A text that says nothing of its zone is taken to be of this one.',
} as const;

/** A time: what a clock reads, as seconds since 1970 on that clock, and the instant. */
interface Moment {
  readonly clock: number;
  readonly instant: number;
}

type PartOf = (moment: Moment) => number;

const DAY = 86_400;

const PARTS: Readonly<Record<string, PartOf>> = {
  year: ({ clock }) => dateOf(clock).getUTCFullYear(),
  month: ({ clock }) => dateOf(clock).getUTCMonth() + 1,
  day: ({ clock }) => dateOf(clock).getUTCDate(),
  hour: ({ clock }) => hourOf(clock),
  hour12: ({ clock }) => hourOf(clock) % 12 || 12,
  hour12_pm: ({ clock }) => (hourOf(clock) % 12 || 12) + (hourOf(clock) < 12 ? 0 : 12),
  minute: ({ clock }) => Math.floor(modulo(clock, 3600) / 60),
  second: ({ clock }) => Math.round(modulo(clock, 60) * 1e6) / 1e6,
  weekday: ({ clock }) => modulo(Math.floor(clock / DAY) + 3, 7),
  yearday: ({ clock }) => yearday(clock),
  epoch: ({ instant }) => instant,
};

const PERIODS: Readonly<Record<string, number>> = { month: 12, hour: 24, minute: 60, second: 60, weekday: 7 };

const ALL_PARTS: ReadonlyMap<string, PartOf> = new Map([
  ...Object.entries(PARTS),
  ...Object.entries(PERIODS).flatMap(([name, period]): [string, PartOf][] => {
    const part = PARTS[name] as PartOf;
    return [
      [`${name}_sin`, (moment) => Math.sin((2 * Math.PI * part(moment)) / period)],
      [`${name}_cos`, (moment) => Math.cos((2 * Math.PI * part(moment)) / period)],
    ];
  }),
]);

function hourOf(clock: number): number {
  return Math.floor(modulo(clock, DAY) / 3600);
}

function modulo(value: number, by: number): number {
  return value - Math.floor(value / by) * by;
}

function dateOf(clock: number): Date {
  return new Date(Math.floor(clock / DAY) * DAY * 1000);
}

function yearday(clock: number): number {
  const date = dateOf(clock);
  const first = new Date(date);
  first.setUTCMonth(0, 1);
  return Math.round((date.getTime() - first.getTime()) / (DAY * 1000)) + 1;
}

/** Parts of a timestamp as numbers. */
export const TIME_STEP: StepKind = {
  name: 'time',
  doc: 'Parts of a timestamp as numbers.',
  options: OPTIONS,
  takes: ['json', 'texts', 'numbers'],
  gives: 'numbers',
  compile(given) {
    const fields = given.fields(['parts', 'format', 'zone']);
    if (fields === undefined) return undefined;
    const parts = readParts(fields.parts, given);
    const zone = fields.zone && readZone(fields.zone);
    const read = readFormat(fields.format, zone);
    if (parts === undefined || read === undefined) return undefined;
    return (value) => {
      const moment = read(scalarOf(value));
      return { kind: 'numbers', shape: [parts.length], data: Float64Array.from(parts, (part) => part(moment)) };
    };
  },
};

function readParts(given: Given | undefined, parent: Given): PartOf[] | undefined {
  const names = given?.list({ min: 1, max: 100 })?.map((item) => item.choice([...ALL_PARTS.keys()]));
  if (given === undefined) return parent.note('must have a list of parts');
  if (!names?.every((name) => name !== undefined)) return undefined;
  return names.map((name) => ALL_PARTS.get(name) as PartOf);
}

function scalarOf(value: Value): unknown {
  if (value.kind === 'json') return value.json;
  if (value.kind === 'texts' || value.kind === 'numbers') {
    if (value.data.length === 1) return value.data[0];
  }
  throw fault('must be one time');
}

/**
 * Reads times by a `format` and in a `zone`, as the options of the step: the instant in seconds since 1970 of what a signal
 * holds.
 */
export function readInstant(
  format: Given | undefined,
  zone: Given | undefined,
): ((value: unknown) => number) | undefined {
  const read = readFormat(format, zone && readZone(zone));
  return read && ((value) => read(value).instant);
}

function readFormat(given: Given | undefined, zone: Zone | undefined): ((value: unknown) => Moment) | undefined {
  const name = given?.value;
  if (name === 'epoch' || name === 'epoch_ms') return (value) => epoch(value, name === 'epoch' ? 1 : 1000, zone);
  if (given === undefined || name === 'iso') {
    return (value) =>
      typeof value === 'number' ? epoch(value, 1, zone) : textTime(value, readIsoTime, 'ISO 8601', zone);
  }
  const reader = readTimeFormat(given);
  return reader && ((value) => textTime(value, reader, String(name), zone));
}

function epoch(value: unknown, perSecond: number, zone: Zone | undefined): Moment {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !(Math.abs(number / perSecond) < 8.64e12)) {
    throw fault(`must be seconds since 1970, got ${shown(value)}`);
  }
  const instant = number / perSecond;
  return { instant, clock: instant + (zone ?? UTC).offsetAt(instant) };
}

function textTime(value: unknown, read: TimeReader, format: string, zone: Zone | undefined): Moment {
  const time = typeof value === 'string' && value.length <= 100 ? read(value) : undefined;
  if (time === undefined) throw fault(`must be a time as ${format}, got ${shown(value)}`);
  const clock = clockSeconds(time);
  if (time.offsetSeconds === undefined) return { clock, instant: instantOf(clock, zone ?? UTC) };
  const instant = clock - time.offsetSeconds;
  return { instant, clock: zone === undefined ? clock : instant + zone.offsetAt(instant) };
}
