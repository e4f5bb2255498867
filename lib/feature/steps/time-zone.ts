import type { Given } from '../given.ts';
import type { WrittenTime } from './time-format.ts';

/** A place's clock. */
export interface Zone {
  /** Seconds that the clock is ahead of UTC at an instant (seconds since 1970). */
  offsetAt(epochSeconds: number): number;
}

export const UTC: Zone = { offsetAt: () => 0 };

/** Reads a zone by its IANA name, `Europe/Berlin`, or a fixed `+02:00`. */
export function readZone(given: Given): Zone | undefined {
  const name = given.text(64);
  if (name === undefined) return undefined;
  try {
    return openZone(name);
  } catch (error) {
    if (error instanceof RangeError) return given.refuse('must be the name of a time zone, such as Europe/Berlin');
    throw error;
  }
}

function openZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    era: 'short',
  });
  // Clocks change on quarters of an hour; formatting costs ten times what the rest of a time does.
  let known = { quarter: Number.NaN, offset: 0 };
  return {
    offsetAt(epochSeconds) {
      const quarter = Math.floor(epochSeconds / 900);
      if (known.quarter !== quarter) known = { quarter, offset: offsetOf(format, quarter * 900) };
      return known.offset;
    },
  };
}

function offsetOf(format: Intl.DateTimeFormat, epochSeconds: number): number {
  const parts: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(epochSeconds * 1000)) parts[type] = value;
  const number = (name: string) => Number(parts[name]);
  const year = parts.era === 'BC' ? 1 - number('year') : number('year');
  const date = new Date(0);
  date.setUTCFullYear(year, number('month') - 1, number('day'));
  date.setUTCHours(number('hour'), number('minute'), number('second'));
  return date.getTime() / 1000 - epochSeconds;
}

/** The clock's reading as if it were UTC's: seconds since 1970. */
export function clockSeconds({ year, month, day, hour, minute, second }: WrittenTime): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getTime() / 1000 + hour * 3600 + minute * 60 + second;
}

/** The instant at which a clock of the zone reads so; of a reading that comes twice the first, of one that is left out the time before. */
export function instantOf(clock: number, zone: Zone): number {
  const early = clock - zone.offsetAt(clock - 86_400);
  if (early + zone.offsetAt(early) === clock) return early;
  return clock - zone.offsetAt(clock + 86_400);
}
