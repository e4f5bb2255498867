import { createHash } from 'node:crypto';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { StateStore } from '#lib/state/state-store.ts';

/** What a signal was answered with, by the key that its sender gave it. */
export interface Idempotency {
  /**
   * The answer to an earlier signal of the same key and body; undefined for one that comes for the first time.
   *
   * @throws BoxError `unprocessable` when the key came with another body.
   */
  earlier(place: string, key: string, body: Uint8Array): Promise<KeptAnswer | undefined>;
  /** Keeps what the signal was answered with. */
  keep(place: string, key: string, body: Uint8Array, answer: KeptAnswer): Promise<void>;
}

export interface KeptAnswer {
  readonly correlationId: string;
  /** The signal's place in the stream. */
  readonly seq: number;
}

const KEPT_MS = 24 * 3_600_000;

/**
 * Keeps answers for a day. The signal is stored first and its answer kept then: what ends in between is stored again when it is
 * sent again later than the bus remembers (a minute), which is better than to lose it.
 */
export function openIdempotency(store: StateStore, log: Log): Idempotency {
  return {
    async earlier(place, key, body) {
      const name = keyOf(place, key);
      const { value } = (await store.load([name])).get(name) ?? {};
      if (!isKept(value)) return undefined;
      if (value.body === digestOf(body)) return { correlationId: value.correlationId, seq: value.seq };
      const rule = 'a signal with this Idempotency-Key and another body was taken before';
      throw new BoxError('unprocessable', `Cannot take signal: ${rule}`);
    },
    async keep(place, key, body, answer) {
      try {
        // One that was kept meanwhile is of the same signal: the bus stored it once.
        await store.save([
          { key: keyOf(place, key), value: { body: digestOf(body), ...answer }, revision: 0, ttlMs: KEPT_MS },
        ]);
      } catch (error) {
        // The signal is stored; to answer otherwise would have it sent again.
        log.warn({ err: error }, 'an Idempotency-Key could not be kept');
      }
    },
  };
}

interface Kept extends KeptAnswer {
  readonly body: string;
}

function isKept(value: unknown): value is Kept {
  return typeof value === 'object' && value !== null && 'body' in value && 'seq' in value;
}

function keyOf(place: string, key: string): string {
  return createHash('sha256').update(`${place}\n${key}`).digest('hex');
}

function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 32);
}
