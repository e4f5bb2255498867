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
  /**
   * The same for who has still to store the signal, and then says so with `keep`. Who ends before that, or the bus with him, has not
   * taken it: after a while it may come again, or an honest sender who was not answered could never hand it in.
   *
   * @returns `replayed` for one that is stored, `busy` for one that somebody may be storing now.
   */
  begin(source: string, id: string): Promise<'begun' | 'busy' | 'replayed'>;
  /** It is stored. */
  keep(source: string, id: string): Promise<void>;
  /** It could not be stored after all: it may come again. */
  giveBack(source: string, id: string): Promise<void>;
}

const BUCKET = 'thebox_seen_signatures';
const BUCKET_BYTES = 128 * 1024 * 1024;
/** A signature is believed for twice the tolerance; the rest is for signals that wait to be processed. */
const KEPT_MS = Math.max(3_600_000, 2 * TOLERANCE_SECONDS * 1000);

/** Who has begun, and when in milliseconds since 1970. */
const BEGUN = /^begun (\d+)$/;
/** How long that is believed: longer than anything takes that stores a signal. */
export const BEGUN_MS = 30_000;
const STORED = 'stored';

/** Opens the memory of signatures, which the HTTP door and the connector share. */
export async function openSeenSignatures(connection: NatsConnection): Promise<SeenSignatures> {
  return seenSignaturesIn(await openNatsStateStore(connection, { bucket: BUCKET, maxBytes: BUCKET_BYTES }));
}

export function seenSignaturesIn(store: StateStore, now: () => number = Date.now): SeenSignatures {
  const write = async (key: string, value: string | undefined, revision: number) => {
    const [outcome] = await store.save([{ key, value, revision, ttlMs: KEPT_MS }]);
    return outcome === 'written';
  };
  /** What is there; nothing is what was given back, what was begun too long ago, and what is past its time. */
  const load = async (key: string) => {
    const { value, revision = 0 } = (await store.load([key])).get(key) ?? {};
    const begunMs = Number(BEGUN.exec(String(value))?.[1] ?? Number.NaN);
    return { value: now() - begunMs > BEGUN_MS ? undefined : value, isBegun: !Number.isNaN(begunMs), revision };
  };
  return {
    async take(source, id, taker) {
      const key = keyOf(source, id);
      if (await write(key, taker, 0)) return true;
      const { value, revision } = await load(key);
      return value === undefined ? write(key, taker, revision) : value === taker;
    },
    async begin(source, id) {
      const key = keyOf(source, id);
      const begun = `begun ${now()}`;
      if (await write(key, begun, 0)) return 'begun';
      const { value, isBegun, revision } = await load(key);
      if (value === undefined) return (await write(key, begun, revision)) ? 'begun' : 'busy';
      return isBegun ? 'busy' : 'replayed';
    },
    async keep(source, id) {
      const key = keyOf(source, id);
      await write(key, STORED, (await load(key)).revision);
    },
    async giveBack(source, id) {
      const key = keyOf(source, id);
      const { value, revision } = await load(key);
      if (value !== undefined) await write(key, undefined, revision);
    },
  };
}

function keyOf(source: string, id: string): string {
  return `${source}.${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
}
