import { errorText } from '#lib/error/box-error.ts';
import type { Connection } from '../connection.ts';

/** What was found out about one thing. */
export interface Finding {
  /** The part that it is about: `gateway`, `nats`, `disk` … */
  readonly part: string;
  /** `skipped`: it could not be looked at, which says nothing about it. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly what: string;
  /** What to do about it. */
  readonly action?: string;
}

/** One look at a part. */
export interface Check {
  readonly part: string;
  /** The addresses and keys that it cannot do without. */
  readonly needs: readonly string[];
  /** Rejects where the part does not answer. */
  readonly run: (connection: Connection, signal: AbortSignal) => Promise<readonly Finding[]>;
  /** What to do when it does not answer. */
  readonly action: string;
}

const TIMEOUT_MS = 10_000;

/** Does all checks at once; the findings come in the order of the checks. */
export async function runChecks(checks: readonly Check[], connection: Connection): Promise<Finding[]> {
  return (await Promise.all(checks.map((check) => runCheck(check, connection)))).flat();
}

async function runCheck(check: Check, connection: Connection): Promise<readonly Finding[]> {
  const { part, needs, action } = check;
  const missing = needs.filter((name) => !connection[name]);
  if (missing.length > 0) return [{ part, state: 'skipped', what: `not looked at: set ${missing.join(', ')}` }];
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const late = Promise.withResolvers<never>();
  const giveUp = () => late.reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([check.run(connection, signal), late.promise]);
  } catch (error) {
    return [{ part, state: 'failed', what: errorText(error), action }];
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** A number of bytes for people. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
