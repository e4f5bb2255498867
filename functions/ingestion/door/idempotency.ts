import { createHash } from 'node:crypto';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import type { Admission } from './gate.ts';

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
  /**
   * How many parts an earlier body had that was cut, each of them kept as a signal of its own; undefined when none was taken whole.
   *
   * @throws BoxError `unprocessable` when the key came with a body that was not cut.
   */
  earlierParts(place: string, key: string): Promise<number | undefined>;
  /** Keeps that a body was taken whole in so many parts. */
  keepParts(place: string, key: string, parts: number): Promise<void>;
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
  const load = async (place: string, key: string): Promise<Kept | undefined> => {
    const name = keyOf(place, key);
    const { value } = (await store.load([name])).get(name) ?? {};
    return isKept(value) ? value : undefined;
  };
  const keep = async (place: string, key: string, value: Kept): Promise<void> => {
    try {
      // One that was kept meanwhile is of the same signal: the bus stored it once.
      await store.save([{ key: keyOf(place, key), value, revision: 0, ttlMs: KEPT_MS }]);
    } catch (error) {
      // The signal is stored; to answer otherwise would have it sent again.
      log.warn({ err: error }, 'an Idempotency-Key could not be kept');
    }
  };
  return {
    async earlier(place, key, body) {
      const kept = await load(place, key);
      if (kept === undefined) return undefined;
      if (kept.body === digestOf(body)) return { correlationId: kept.correlationId, seq: kept.seq };
      throw anotherBody();
    },
    keep: (place, key, body, { correlationId, seq }) => keep(place, key, { body: digestOf(body), correlationId, seq }),
    async earlierParts(place, key) {
      const kept = await load(place, key);
      if (kept === undefined || kept.parts !== undefined) return kept?.parts;
      throw anotherBody();
    },
    // No digest is empty: a body that is not cut is another one.
    keepParts: (place, key, parts) => keep(place, key, { body: '', correlationId: key, seq: 0, parts }),
  };
}

/** Where a key is of one meaning: a scenario and a source. */
export function placeOf({ scenario, source }: Pick<Admission, 'scenario' | 'source'>): string {
  return `${scenario.id}/${source ?? ''}`;
}

/** Says that a key was used before, for something else. */
export function anotherBody(): BoxError {
  const rule = 'a signal with this Idempotency-Key and another body was taken before';
  return new BoxError('unprocessable', `Cannot take signal: ${rule}`);
}

interface Kept extends KeptAnswer {
  readonly body: string;
  /** Of a body that was cut. */
  readonly parts?: number;
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
