import type { BlobEntry, BlobStore } from '#lib/blob/blob-store.ts';
import { type Manifest, type Places, parseManifest, pinnedKey } from './manifest.ts';

/** What is younger is never removed: another process may be about to name it, or still reading by an older manifest. */
const GRACE_MS = 60 * 60 * 1000;
/** Pinned states go after this time: an order is long done, and a trainer that was away for longer starts anew. */
const PINNED_MS = 30 * 24 * 60 * 60 * 1000;
const NEWEST_KEPT = 20;
/** Files of orders are to be fetched within this time. */
const ORDER_MS = 7 * 24 * 60 * 60 * 1000;
/** What was deleted can be brought back within this time. */
const DELETED_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Removes what no state names any more: old manifests, and segments and shards that no manifest, pinned state or frozen
 * version refers to. Files of orders and what was deleted go by their age.
 */
export async function sweepCatalogue(store: BlobStore, places: Places, nowMs = Date.now()): Promise<number> {
  const isOld = ({ modifiedMs }: BlobEntry) => nowMs - modifiedMs > GRACE_MS;
  const parts = await Promise.all([all(store, places.segments), all(store, places.shards)]);
  const manifests = await all(store, places.manifests);
  const pinned = await all(store, places.pinned);
  const versions = await all(store, places.versions);
  const frozen = new Set<string>();
  for (const { key } of versions) {
    frozen.add(pinnedKey(places, parseManifest((await store.get(key)).bytes).seq));
  }
  const gone = [
    ...manifests.slice(NEWEST_KEPT).filter(isOld),
    ...pinned.filter(({ key, modifiedMs }) => nowMs - modifiedMs > PINNED_MS && !frozen.has(key)),
  ];
  const goneKeys = new Set(gone.map(({ key }) => key));
  const kept = [...manifests, ...pinned, ...versions].filter(({ key }) => !goneKeys.has(key));
  const named = new Set<string>();
  for (const { key } of kept) nameParts(parseManifest((await store.get(key)).bytes), places, named);
  const files = (await all(store, places.orders)).filter(({ modifiedMs }) => nowMs - modifiedMs > ORDER_MS);
  const deleted = (await all(store, places.deleted)).filter(({ modifiedMs }) => nowMs - modifiedMs > DELETED_MS);
  const orphans = parts.flat().filter((entry) => isOld(entry) && !named.has(entry.key));
  const removed = [...gone, ...orphans, ...files, ...deleted];
  await store.delete(removed.map(({ key }) => key));
  return removed.length;
}

function nameParts({ segments, shards }: Manifest, places: Places, named: Set<string>): void {
  for (const { file } of segments) named.add(places.segments + file);
  for (const { file } of shards) named.add(places.shards + file);
}

async function all(store: BlobStore, prefix: string): Promise<BlobEntry[]> {
  const found: BlobEntry[] = [];
  for await (const entry of store.list(prefix)) found.push(entry);
  return found;
}
