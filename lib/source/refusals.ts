import { Counter, type Registry } from 'prom-client';
import type { Log } from '../log/log.ts';

/** Why a signal, or a login, is refused. */
export type RefusalReason =
  | 'no_credential'
  | 'wrong_token'
  | 'bad_signature'
  | 'no_signature'
  | 'replayed'
  | 'unknown_source'
  | 'quota';

export interface Refusal {
  readonly door: 'http' | 'nats' | 'mqtt';
  readonly reason: RefusalReason;
  /** As it was claimed: it may be anybody's text. */
  readonly source: string;
  readonly scenario?: string;
}

/** Tells the log and the metrics of what was refused. Nothing of a token, a signature or a body is told. */
export interface Refusals {
  refused(refusal: Refusal): void;
}

/** The same refusal is logged once in a while, with how many there were since. */
const LOG_AGAIN_MS = 30_000;
const MAX_KNOWN = 1000;
const MAX_SOURCE_LENGTH = 120;

interface Logged {
  atMs: number;
  since: number;
}

/** Counts a refusal. */
export type CountRefusal = (door: Refusal['door'], reason: RefusalReason) => void;

/** The metric of refusals, in a registry that has none yet. */
export function refusalCounter(registry: Registry): CountRefusal {
  const counter = new Counter({
    name: 'box_source_refusals_total',
    help: 'Signals and logins that were refused, by door (http, nats, mqtt) and reason.',
    labelNames: ['door', 'reason'] as const,
    registers: [registry],
  });
  return (door, reason) => counter.labels(door, reason).inc();
}

export function openRefusals(log: Log, count: CountRefusal, now: () => number = Date.now): Refusals {
  const logged = new Map<string, Logged>();
  return {
    refused({ door, reason, source: claimed, scenario }) {
      count(door, reason);
      const source = claimed.slice(0, MAX_SOURCE_LENGTH);
      const key = JSON.stringify([door, reason, source, scenario]);
      const known = logged.get(key);
      const atMs = now();
      if (known !== undefined && atMs - known.atMs < LOG_AGAIN_MS) {
        known.since++;
        return;
      }
      // Whoever makes up names is not to fill the memory, nor the log: beyond so many names it is silent for a while.
      if (known === undefined && logged.size >= MAX_KNOWN) dropOld(logged, atMs);
      if (known === undefined && logged.size >= MAX_KNOWN) return;
      logged.delete(key);
      logged.set(key, { atMs, since: 0 });
      const more = known !== undefined && known.since > 0 && { notLogged: known.since };
      log.warn({ door, reason, source, ...(scenario !== undefined && { scenario }), ...more }, 'refused');
    },
  };
}

function dropOld(logged: Map<string, Logged>, nowMs: number): void {
  for (const [key, { atMs }] of logged) if (nowMs - atMs >= LOG_AGAIN_MS) logged.delete(key);
}
