import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { openFreshFiles } from '../fresh-files.ts';
import type { DatasetName } from '../names.ts';
import { segmentsToMerge } from './compact.ts';
import {
  EMPTY_MANIFEST,
  type Manifest,
  newestSeq,
  type Places,
  pinnedKey,
  placesOf,
  readManifest,
  type SegmentEntry,
  type ShardEntry,
  writeManifest,
} from './manifest.ts';
import { inTurns, openReplay } from './replay.ts';
import type { Sample } from './sample.ts';
import { decodeSegment, encodeSegment, mergeSegments, type Segment } from './segment.ts';
import { makeSnapshot, type Snapshot } from './snapshot.ts';

/**
 * What samples a dataset has, without listing the bucket: a chain of immutable manifests in the bucket, each naming
 * segments to replay. Several processes extend the chain; who comes second puts their change on top of the first's.
 */
export interface Catalogue {
  readonly dataset: DatasetName;
  readonly places: Places;
  /** The dataset as it is now: what any process committed half a second ago, and all that this one was told. */
  snapshot(): Promise<Snapshot>;
  /**
   * The dataset as it was.
   *
   * @throws BoxError `not_found` when that state is kept no longer.
   */
  at(seq: number): Promise<Snapshot>;
  /** Keeps a state for those who will come back to it. */
  pin(snapshot: Snapshot): Promise<void>;
  /** Tells of a sample that was stored, and its bytes. It is committed with others in less than half a second. */
  add(sample: Sample, bytes: Buffer): void;
  /** The bytes of a sample that was told of in the last minute, once; undefined when they are only in the bucket. */
  takeBytes(sample: Sample): Buffer | undefined;
  /** Commits a change. */
  change(segment: Segment): Promise<void>;
  /** Commits packed shards that lie in the bucket, in place of those files that they replace. */
  changeShards(added: readonly IndexedShard[], replaced: ReadonlySet<string>): Promise<void>;
  /** Commits what is still waiting. */
  close(): Promise<void>;
}

/** A packed shard and what its index says. */
export interface IndexedShard {
  readonly entry: ShardEntry;
  readonly index: Segment;
}

/** How old the newest known manifest may be, and how long additions are gathered: together below a second. */
const FRESH_MS = 400;
const GATHER_MS = 300;
const RETRY_MS = 1000;
const MAX_ATTEMPTS = 20;
const KEPT_SNAPSHOTS = 8;
/** Of samples that were just stored: who packs them need not read them, which costs as much as all else of packing. */
const FRESH_BYTES = 4 * 1024 * 1024;
/** A pinned state is kept for 30 days from when it was pinned last: one that stays in use is pinned again each day. */
const PIN_FRESH_MS = 24 * 60 * 60 * 1000;

export function openCatalogue(store: BlobStore, dataset: DatasetName, log: Log, pinFreshMs = PIN_FRESH_MS): Catalogue {
  const places = placesOf(dataset);
  const replay = openReplay(store, places);
  const older = new LRUCache<number, Promise<Snapshot>>({ max: KEPT_SNAPSHOTS });
  const fresh = openFreshFiles(FRESH_BYTES);
  const pinned = new LRUCache<number, { readonly atMs: number; readonly done: Promise<void> }>({ max: 100 });
  let current = makeSnapshot({ seq: 0, manifest: EMPTY_MANIFEST, samples: [], growth: {}, locate: () => undefined });
  let checkedMs = 0;
  let checking: Promise<void> | undefined;
  let waiting: Sample[] = [];
  let timer: NodeJS.Timeout | undefined;
  let line: Promise<unknown> = Promise.resolve();
  let flushing: Promise<unknown> = Promise.resolve();

  /** Takes up what other processes committed. */
  function refresh(freshMs: number): Promise<void> {
    if (Date.now() - checkedMs < freshMs) return Promise.resolve();
    checking ??= takeUp().finally(() => {
      checking = undefined;
    });
    return checking;
  }

  async function takeUp(): Promise<void> {
    const began = Date.now();
    const seq = await newestSeq(store, places);
    if (seq > current.seq) await moveTo(await readManifest(store, places, seq));
    checkedMs = began;
  }

  async function moveTo(manifest: Manifest): Promise<void> {
    const snapshot = await replay.snapshot(manifest);
    if (snapshot.seq > current.seq) current = snapshot;
  }

  /** Commits are made one after the other: a process never competes with itself. */
  function commit(edit: (manifest: Manifest) => Manifest, isDone: (manifest: Manifest) => boolean): Promise<void> {
    const committed = line.then(() => tryCommit(edit, isDone));
    line = committed.catch(() => undefined);
    return committed;
  }

  async function tryCommit(edit: (manifest: Manifest) => Manifest, isDone: (manifest: Manifest) => boolean) {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      // A write whose answer was lost is found here, or by the conflict with itself.
      if (isDone(current.manifest)) return;
      const next = { ...edit(await compacted(current.manifest)), seq: current.seq + 1 };
      try {
        await writeManifest(store, places, next);
        await moveTo(next);
        return;
      } catch (error) {
        if (!(error instanceof BoxError && error.code === 'conflict')) throw error;
        await refresh(-1);
      }
    }
    throw new BoxError('unavailable', `Cannot extend the catalogue of ${places.folder}: others always came first`, {
      retryAfterSeconds: 1,
    });
  }

  async function compacted(manifest: Manifest): Promise<Manifest> {
    const from = segmentsToMerge(manifest.segments);
    if (from === undefined) return manifest;
    const tail = manifest.segments.slice(from);
    const read = await inTurns(tail, async ({ file }) =>
      decodeSegment((await store.get(`${places.segments}${file}`)).bytes),
    );
    const merged = mergeSegments(read);
    // Nothing comes before the first segment that it could remove.
    const entry = await writeSegment(from === 0 ? { removed: [], added: merged.added } : merged);
    return { ...manifest, segments: [...manifest.segments.slice(0, from), entry] };
  }

  async function writeSegment(segment: Segment): Promise<SegmentEntry> {
    const file = `${randomUUID()}.seg`;
    await store.put(`${places.segments}${file}`, await encodeSegment(segment));
    replay.know(file, segment);
    return { file, added: segment.added.length, removed: segment.removed.length };
  }

  async function change(segment: Segment): Promise<void> {
    if (segment.added.length === 0 && segment.removed.length === 0) return;
    const entry = await writeSegment(segment);
    await commit(
      (manifest) => ({ ...manifest, segments: [...manifest.segments, entry] }),
      (manifest) => manifest.segments.some(({ file }) => file === entry.file),
    );
  }

  /** Commits the samples that wait, after those that are on their way already: then all that was added is in. */
  function flush(): Promise<void> {
    const done = flushing.then(flushWaiting);
    flushing = done.catch(() => undefined);
    return done;
  }

  /** On failure the samples go on waiting. */
  async function flushWaiting(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const added = waiting;
    waiting = [];
    try {
      await change({ removed: [], added });
    } catch (error) {
      waiting = [...added, ...waiting];
      throw error;
    }
  }

  function flushLater(ms: number): void {
    timer ??= setTimeout(() => {
      flush().catch((error) => {
        log.warn({ err: error, dataset: places.folder }, 'New samples are not in the catalogue yet; trying again');
        flushLater(RETRY_MS);
      });
    }, ms).unref();
  }

  return {
    dataset,
    places,
    async snapshot() {
      await flush();
      await line;
      await refresh(FRESH_MS);
      return current;
    },
    at(seq) {
      if (seq === current.seq) return Promise.resolve(current);
      const known = older.get(seq);
      if (known) return known;
      const read = readManifest(store, places, seq).then(replay.snapshot);
      older.set(seq, read);
      read.catch(() => older.delete(seq));
      return read;
    },
    pin({ seq, manifest }) {
      const known = pinned.get(seq);
      if (known && Date.now() - known.atMs < pinFreshMs) return known.done;
      const done = store.put(pinnedKey(places, seq), Buffer.from(JSON.stringify(manifest))).then(() => undefined);
      pinned.set(seq, { atMs: Date.now(), done });
      done.catch(() => pinned.delete(seq));
      return done;
    },
    add(sample, bytes) {
      fresh.keep(freshKey(sample), bytes);
      waiting.push(sample);
      flushLater(GATHER_MS);
    },
    takeBytes: (sample) => fresh.take(freshKey(sample)),
    change,
    changeShards(added, replaced) {
      for (const { entry, index } of added) replay.know(entry.file, index);
      const files = new Set(added.map(({ entry }) => entry.file));
      const entries = added.map(({ entry }) => entry);
      return commit(
        (manifest) => ({
          ...manifest,
          shards: [...manifest.shards.filter(({ file }) => !replaced.has(file)), ...entries],
        }),
        ({ shards }) =>
          shards.filter(({ file }) => files.has(file)).length === files.size &&
          !shards.some(({ file }) => replaced.has(file)),
      );
    },
    async close() {
      await flush();
      await line;
    },
  };
}

function freshKey({ path, etag }: Sample): string {
  return `${path} ${etag}`;
}
