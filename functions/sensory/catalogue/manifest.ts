import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { type DatasetName, datasetFolder } from '../names.ts';

/** One state of a dataset: which segments to replay, which packed shards there are. Never changed once written. */
export interface Manifest {
  readonly seq: number;
  readonly segments: readonly SegmentEntry[];
  readonly shards: readonly ShardEntry[];
}

export interface SegmentEntry {
  readonly file: string;
  readonly added: number;
  readonly removed: number;
}

/** A packed shard; its format is in docs/sensory-formats.md. */
export interface ShardEntry {
  readonly file: string;
  readonly count: number;
  /** Bytes of decoded pixels of each sample; 0 where the samples are no pictures. */
  readonly pixelBytes: number;
  readonly pixelsAt: number;
  readonly originalsAt: number;
  readonly indexAt: number;
  readonly indexBytes: number;
}

export const EMPTY_MANIFEST: Manifest = { seq: 0, segments: [], shards: [] };

/** Manifests are named by what is left of this number, so that the newest is the first that a listing gives. */
const LAST_SEQ = 999_999_999_999;

/** Where the parts of a dataset lie in the bucket. */
export function placesOf(dataset: DatasetName) {
  const folder = datasetFolder(dataset);
  return {
    folder,
    data: `${folder}/data/`,
    manifests: `${folder}/box/manifest/`,
    pinned: `${folder}/box/pinned/`,
    segments: `${folder}/box/segment/`,
    shards: `${folder}/box/shard/`,
    versions: `${folder}/box/version/`,
    orders: `${folder}/box/order/`,
    deleted: `${folder}/box/deleted/`,
    description: `${folder}/box/dataset.json`,
  } as const;
}

export type Places = ReturnType<typeof placesOf>;

function manifestKey(places: Places, seq: number): string {
  return `${places.manifests}${String(LAST_SEQ - seq).padStart(12, '0')}.json`;
}

/** The number of the newest manifest; 0 when there is none. */
export async function newestSeq(store: BlobStore, places: Places): Promise<number> {
  for await (const { key } of store.list(places.manifests, { pageSize: 1 })) {
    const left = /(\d{12})\.json$/.exec(key)?.[1];
    if (left !== undefined) return LAST_SEQ - Number(left);
  }
  return 0;
}

/**
 * The manifest of a number.
 *
 * @throws BoxError `not_found` when it was never written, or is kept no longer and nobody pinned it.
 */
export async function readManifest(store: BlobStore, places: Places, seq: number): Promise<Manifest> {
  if (seq === 0) return EMPTY_MANIFEST;
  try {
    return parseManifest((await store.get(manifestKey(places, seq))).bytes);
  } catch (error) {
    if (!(error instanceof BoxError && error.code === 'not_found')) throw error;
    return parseManifest((await store.get(pinnedKey(places, seq))).bytes);
  }
}

/** Where the copy of a manifest lies that an order or a stream draws from, for as long as they may come back. */
export function pinnedKey(places: Places, seq: number): string {
  return `${places.pinned}${String(seq).padStart(12, '0')}.json`;
}

/**
 * Writes the manifest that follows `seq - 1`.
 *
 * @throws BoxError `conflict` when another writer was first.
 */
export async function writeManifest(store: BlobStore, places: Places, manifest: Manifest): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(manifest));
  await store.put(manifestKey(places, manifest.seq), bytes, { contentType: 'application/json', ifAbsent: true });
}

/** A manifest from its JSON, as `writeManifest` and frozen versions keep it. */
export function parseManifest(bytes: Buffer): Manifest {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  if (!isManifest(value)) throw new BoxError('internal', 'Cannot read a manifest: it must be one of ours');
  return value;
}

function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'seq' in value &&
    typeof value.seq === 'number' &&
    'segments' in value &&
    Array.isArray(value.segments) &&
    'shards' in value &&
    Array.isArray(value.shards)
  );
}
