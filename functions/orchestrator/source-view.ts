import type { Quarantined } from '#lib/bus/quarantine.ts';
import type { SourceRecord } from '#lib/source/source.ts';
import type { ScenarioTally, SourceTally } from '#lib/source/source-tally.ts';

/** What the bus tells of sources; `error` where it does not, which is no reason to tell nothing at all. */
export interface Seen {
  readonly tallies: ReadonlyMap<string, SourceTally>;
  readonly quarantine: readonly Quarantined[];
  readonly error?: string;
}

/**
 * A source as people see it: what was put, and what came of it. `health` is `silent` when it has sent a scenario nothing for
 * longer than it is expected to, `unknown` before its first signal.
 */
export function sourceView({ id, rev, source, token, createdAt, updatedAt }: SourceRecord, seen: Seen, nowMs: number) {
  const tally = seen.tallies.get(id) ?? {};
  const scenarios = Object.entries(tally);
  const last = Math.max(...scenarios.map(([, { lastSeenMs }]) => lastSeenMs));
  const held = seen.quarantine.filter((each) => each.source === id);
  return {
    ...source,
    _id: id,
    rev,
    known: true,
    token: token === undefined ? null : { made_at: token.madeAt },
    created_at: createdAt,
    updated_at: updatedAt,
    last_seen: Number.isFinite(last) && last > 0 ? new Date(last).toISOString() : null,
    signals: sum(scenarios, 'signals'),
    bytes: sum(scenarios, 'bytes'),
    refused: sum(scenarios, 'refused'),
    quarantined: held.reduce((count, { signals }) => count + signals, 0),
    health: healthOf(
      source.expected_every_seconds,
      scenarios.map(([, each]) => each),
      nowMs,
    ),
    scenarios: Object.fromEntries(scenarios.map(([scenario, each]) => [scenario, scenarioView(each)])),
    ...(seen.error !== undefined && { not_counted_because: seen.error }),
  };
}

/** A source that nobody has put and that has signals in quarantine. */
export function strangerView(id: string, held: readonly Quarantined[]) {
  return {
    _id: id,
    known: false,
    quarantined: held.reduce((count, { signals }) => count + signals, 0),
    scenarios: held.map(({ scenario }) => scenario),
  };
}

function scenarioView({ signals, bytes, lastSeenMs, refused }: ScenarioTally) {
  return { signals, bytes, refused, last_seen: lastSeenMs > 0 ? new Date(lastSeenMs).toISOString() : null };
}

function sum(scenarios: readonly (readonly [string, ScenarioTally])[], name: 'signals' | 'bytes' | 'refused'): number {
  return scenarios.reduce((total, [, tally]) => total + tally[name], 0);
}

function healthOf(expectedSeconds: number | undefined, tallies: readonly ScenarioTally[], nowMs: number): string {
  const sent = tallies.filter(({ lastSeenMs }) => lastSeenMs > 0);
  if (sent.length === 0) return 'unknown';
  if (expectedSeconds === undefined) return 'ok';
  return sent.some(({ lastSeenMs }) => nowMs - lastSeenMs > expectedSeconds * 1000) ? 'silent' : 'ok';
}
