import { setTimeout as delay } from 'node:timers/promises';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** How long to wait before trying again: twice as long each time up to a maximum, less up to half of it by chance. */
export interface Backoff {
  /** Waits; `atLeastMs` is what the other side asked for. Resolves early when the signal aborts. */
  wait(signal: AbortSignal, atLeastMs?: number): Promise<void>;
  reset(): void;
}

/** The longest wait that another side may ask for. */
const MAX_ASKED_MS = 60_000;

export function openBackoff({ firstMs, maxMs }: BackoffOptions): Backoff {
  let tries = 0;
  return {
    async wait(signal, atLeastMs = 0) {
      const full = Math.min(maxMs, firstMs * 2 ** Math.min(tries++, 20));
      const ms = Math.max(full * (0.5 + Math.random() / 2), Math.min(atLeastMs, MAX_ASKED_MS));
      try {
        await delay(ms, undefined, { signal });
      } catch (error) {
        // The wait is over either way; the caller looks at the signal.
        if (!signal.aborted) throw error;
      }
    },
    reset() {
      tries = 0;
    },
  };
}
