import { LRUCache } from 'lru-cache';
import type { Quota } from './source.ts';
import { dayOf } from './source-tally.ts';

/** What was used of a quota. */
interface Used {
  /** Signals that may come at once, as of `atMs`. */
  left: number;
  atMs: number;
  day: number;
  dayBytes: number;
}

/** What came on a day before this process counted. */
export interface DayBytes {
  readonly day: number;
  readonly dayBytes: number;
}

/** Why a signal is beyond the quota, and when there is room again. */
export interface Exceeded {
  readonly rule: string;
  readonly retryAfterSeconds: number;
}

/** Counts what sources send against their quotas. Times are those of the signals, so that a backlog is judged as it came. */
export interface Quotas {
  /** Whether anything was counted of it yet; `start` is asked for when not. */
  has(key: string): boolean;
  /** Counts signals, or says why they are too many; then none of them is counted. */
  take(key: string, quota: Quota, signals: number, bytes: number, atMs: number, start?: DayBytes): Exceeded | undefined;
}

/** A rate holds on the average of so many seconds. */
const BURST_SECONDS = 10;
const DAY_MS = 86_400_000;
/** Counted as sizes: for a number of entries the cache would take the memory of all of them at once. */
const MAX_KNOWN = 100_000;

export function openQuotas(): Quotas {
  const known = new LRUCache<string, Used>({ maxSize: MAX_KNOWN, sizeCalculation: () => 1 });
  return {
    has: (key) => known.has(key),
    take(key, quota, signals, bytes, atMs, start) {
      const capacity = capacityOf(quota);
      const used = known.get(key) ?? {
        left: capacity,
        atMs,
        day: start?.day ?? dayOf(atMs),
        dayBytes: start?.dayBytes ?? 0,
      };
      known.set(key, used);
      refill(used, quota, capacity, atMs);
      const { signals_per_second: rate, bytes_per_day: perDay } = quota;
      // A batch larger than the burst is let through when nothing was used: it can never be smaller.
      if (rate !== undefined && used.left < Math.min(signals, capacity)) {
        const missing = Math.min(signals, capacity) - used.left;
        return { rule: `at most ${rate} signals a second`, retryAfterSeconds: Math.max(1, Math.ceil(missing / rate)) };
      }
      if (perDay !== undefined && used.dayBytes + bytes > perDay) {
        const retryAfterSeconds = Math.ceil(((used.day + 1) * DAY_MS - atMs) / 1000);
        return { rule: `at most ${perDay} bytes a day`, retryAfterSeconds: Math.max(1, retryAfterSeconds) };
      }
      used.left -= signals;
      used.dayBytes += bytes;
      return undefined;
    },
  };
}

function capacityOf({ signals_per_second: rate }: Quota): number {
  return rate === undefined ? Number.POSITIVE_INFINITY : Math.max(1, rate * BURST_SECONDS);
}

function refill(used: Used, { signals_per_second: rate }: Quota, capacity: number, atMs: number): void {
  const elapsedMs = Math.max(0, atMs - used.atMs);
  used.atMs = Math.max(used.atMs, atMs);
  if (rate !== undefined) used.left = Math.min(capacity, used.left + (elapsedMs / 1000) * rate);
  if (dayOf(atMs) > used.day) {
    used.day = dayOf(atMs);
    used.dayBytes = 0;
  }
}
