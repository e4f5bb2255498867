import { LRUCache } from 'lru-cache';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import type { Manifest, Places, ShardEntry } from './manifest.ts';
import type { Sample } from './sample.ts';
import { decodeSegment, type Segment } from './segment.ts';
import { type Location, makeSnapshot, type Snapshot } from './snapshot.ts';

/** Makes snapshots of manifests. Segments and shard indexes never change, so what was read once is kept. */
export interface Replay {
  snapshot(manifest: Manifest): Promise<Snapshot>;
  /** Takes a segment or the index of a shard that was just written for read. */
  know(file: string, segment: Segment): void;
}

/** Samples in segments and indexes that are kept in memory, up to 1 KB each with their facts. */
const MAX_KEPT_SAMPLES = 1_000_000;
/**
 * So many of them in files that the newest state does not name any more, which the states of orders and streams may. Each packing
 * of a few samples leaves the index of another shard behind: kept without end they fill the memory in hours.
 */
const MAX_OLD_SAMPLES = 20_000;
/** What a file counts for beside its samples, as some have none or one. */
const FILE_WEIGHT = 10;
const READS_AT_ONCE = 8;

type Locations = ReadonlyMap<string, Location & { readonly etag: string }>;

export function openReplay(store: BlobStore, places: Places): Replay {
  const segments = new LRUCache<string, Segment>({
    maxSize: MAX_KEPT_SAMPLES,
    sizeCalculation: weightOf,
  });
  let last: { snapshot: Snapshot; locations: Locations; paths: Set<string> } | undefined;

  async function read(file: string, bytes: () => Promise<Buffer>): Promise<Segment> {
    const known = segments.get(file);
    if (known) return known;
    const segment = await decodeSegment(await bytes());
    segments.set(file, segment);
    return segment;
  }

  /** Lets go of files of older states, those first that nobody has asked for the longest. */
  function forgetOld({ segments: ofState, shards }: Manifest): void {
    const named = new Set([...ofState, ...shards].map(({ file }) => file));
    let weight = 0;
    const gone: string[] = [];
    for (const [file, segment] of segments.entries()) {
      if (named.has(file)) continue;
      weight += weightOf(segment);
      if (weight > MAX_OLD_SAMPLES) gone.push(file);
    }
    for (const file of gone) segments.delete(file);
  }

  const readSegment = (file: string) => read(file, async () => (await store.get(`${places.segments}${file}`)).bytes);

  const readIndex = ({ file, indexAt, indexBytes }: ShardEntry) =>
    read(file, async () => {
      const range = { start: indexAt, length: indexBytes };
      return (await store.get(`${places.shards}${file}`, { range })).bytes;
    });

  async function locationsOf(shards: readonly ShardEntry[]): Promise<Locations> {
    const kept = last?.snapshot.manifest.shards;
    if (last && kept?.length === shards.length && shards.every(({ file }, i) => file === kept[i]?.file)) {
      return last.locations;
    }
    const indexes = await inTurns(shards, readIndex);
    const locations = new Map<string, Location & { etag: string }>();
    shards.forEach((shard, number) => {
      let originalAt = shard.originalsAt;
      indexes[number]?.added.forEach(({ path, etag, size, id }, index) => {
        locations.set(path, { shard, index, originalAt, etag, id });
        originalAt += size;
      });
    });
    return locations;
  }

  async function samplesOf(manifest: Manifest): Promise<readonly Sample[]> {
    const base = last?.snapshot;
    const extends_ = base && manifest.seq > base.seq && isPrefix(base.manifest, manifest);
    const news = extends_ ? manifest.segments.slice(base.manifest.segments.length) : manifest.segments;
    const read = await inTurns(news, ({ file }) => readSegment(file));
    const paths = last?.paths;
    if (extends_ && paths && last?.snapshot === base && areNew(read, paths)) {
      return base.samples.concat(...read.map(({ added }) => added));
    }
    const start: Segment[] = extends_ ? [{ removed: [], added: base.samples }] : [];
    return replay([...start, ...read]);
  }

  return {
    async snapshot(manifest) {
      const [samples, locations] = await Promise.all([samplesOf(manifest), locationsOf(manifest.shards)]);
      const later = last && manifest.seq > last.snapshot.seq ? last : undefined;
      const snapshot = makeSnapshot({
        seq: manifest.seq,
        manifest,
        samples,
        growth: later?.locations === locations && grew(later.snapshot.samples, samples) ? later.snapshot.growth : {},
        locate(sample) {
          const location = locations.get(sample.path);
          return location?.etag === sample.etag ? location : undefined;
        },
      });
      if (manifest.seq > (last?.snapshot.seq ?? -1)) {
        last = { snapshot, locations, paths: pathsOf(snapshot, last) };
        forgetOld(manifest);
      }
      return snapshot;
    },
    know: (file, segment) => {
      segments.set(file, segment);
    },
  };
}

/** Whether segments do no more than add samples that were not there, each once: two processes may tell of the same one. */
function areNew(segments: readonly Segment[], paths: ReadonlySet<string>): boolean {
  const seen = new Set<string>();
  return segments.every(
    ({ removed, added }) =>
      removed.length === 0 && added.every(({ path }) => !paths.has(path) && !seen.has(path) && seen.add(path)),
  );
}

function weightOf({ added, removed }: Segment): number {
  return FILE_WEIGHT + added.length + removed.length;
}

/** The paths of a snapshot's samples; those of the one before are taken over where it only grew. */
function pathsOf(
  { samples }: Snapshot,
  before: { readonly snapshot: Snapshot; readonly paths: Set<string> } | undefined,
): Set<string> {
  const known = before?.snapshot.samples.length ?? 0;
  if (before?.paths.size !== known || !grew(before.snapshot.samples, samples)) {
    return new Set(samples.map(({ path }) => path));
  }
  for (let i = known; i < samples.length; i++) before.paths.add((samples[i] as Sample).path);
  return before.paths;
}

/** Whether samples begin with all those before. What goes moves all behind it, so the two ends tell. */
function grew(before: readonly Sample[], now: readonly Sample[]): boolean {
  const last = before.length - 1;
  return last >= 0 && now[0] === before[0] && now[last] === before[last];
}

/** The samples that are left when everything that came and went is applied in order. */
function replay(segments: readonly Segment[]): Sample[] {
  const found = new Map<string, Sample>();
  for (const { removed, added } of segments) {
    for (const path of removed) found.delete(path);
    for (const sample of added) {
      found.delete(sample.path);
      found.set(sample.path, sample);
    }
  }
  return [...found.values()];
}

function isPrefix(base: Manifest, next: Manifest): boolean {
  return base.segments.every(({ file }, i) => next.segments[i]?.file === file);
}

/** Maps with a few calls in flight, results in order. */
export async function inTurns<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  atOnce = READS_AT_ONCE,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
