import { createHash } from 'node:crypto';
import type { NatsConnection } from '@nats-io/nats-core';
import { openNatsStateStore } from '../state/nats-state-store.ts';
import type { StateStore } from '../state/state-store.ts';
import { TOLERANCE_SECONDS } from './signature.ts';

/** Remembers which signed signals were taken, so that none is taken twice. */
export interface SeenSignatures {
  /**
   * Remembers a signal of a source by the id that was signed. `taker` says who takes it: the same may ask again.
   *
   * @returns false when somebody else has taken it before: it is a replay.
   * @throws BoxError `unavailable`, `storage_full`.
   */
  take(source: string, id: string, taker: string): Promise<boolean>;
  /** It could not be stored after all: it may come again. */
  giveBack(source: string, id: string): Promise<void>;
}

const BUCKET = 'thebox_seen_signatures';
const BUCKET_BYTES = 128 * 1024 * 1024;
/** A signature is believed for twice the tolerance; the rest is for signals that wait to be processed. */
const KEPT_MS = Math.max(3_600_000, 2 * TOLERANCE_SECONDS * 1000);

/** Opens the memory of signatures, which the HTTP door and the connector share. */
export async function openSeenSignatures(connection: NatsConnection): Promise<SeenSignatures> {
  return seenSignaturesIn(await openNatsStateStore(connection, { bucket: BUCKET, maxBytes: BUCKET_BYTES }));
}

export function seenSignaturesIn(store: StateStore): SeenSignatures {
  const write = async (key: string, value: string | undefined, revision: number) => {
    const [outcome] = await store.save([{ key, value, revision, ttlMs: KEPT_MS }]);
    return outcome === 'written';
  };
  return {
    async take(source, id, taker) {
      const key = keyOf(source, id);
      if (await write(key, taker, 0)) return true;
      const kept = (await store.load([key])).get(key);
      if (kept?.value !== undefined) return kept.value === taker;
      // The mark of one that was given back, or whose time is over.
      return write(key, taker, kept?.revision ?? 0);
    },
    async giveBack(source, id) {
      const key = keyOf(source, id);
      const kept = (await store.load([key])).get(key);
      if (kept?.value !== undefined) await write(key, undefined, kept.revision);
    },
  };
}

function keyOf(source: string, id: string): string {
  return `${source}.${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
}
