import type { BlobEntry, BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from './catalogue.ts';
import { inTurns } from './replay.ts';
import { idInName, readFacts, type Sample, splitPath } from './sample.ts';

export interface Reconciled {
  readonly listed: number;
  readonly added: number;
  readonly removed: number;
}

/** Samples of ours that the catalogue lacks (a process ended between store and commit) are few; more are not looked at one by one. */
const MAX_LOOKED_AT = 1000;

/**
 * Lists the dataset's folder and brings the catalogue in line with it: what other tools copied in, changed or deleted.
 * What is stored meanwhile is left alone: only samples that were known before the listing began can be found missing.
 */
export async function reconcile(store: BlobStore, catalogue: Catalogue, signal?: AbortSignal): Promise<Reconciled> {
  const before = byPath((await catalogue.snapshot()).samples);
  const listed = new Map<string, BlobEntry>();
  const { data } = catalogue.places;
  for await (const entry of store.list(data, signal === undefined ? {} : { signal })) {
    const path = entry.key.slice(data.length);
    if (splitPath(path)) listed.set(path, entry);
  }
  const now = byPath((await catalogue.snapshot()).samples);
  const removed: string[] = [];
  for (const [path, sample] of before) {
    if (!listed.has(path) && now.get(path)?.etag === sample.etag) removed.push(path);
  }
  const fresh = [...listed].filter(([path, { etag }]) => {
    const known = now.get(path);
    // Stored over while the listing ran: the catalogue knows better.
    if (known !== undefined && known !== before.get(path)) return false;
    return known?.etag !== etag;
  });
  const lookedAt = fresh.filter(([path]) => idInName(path) !== '').length <= MAX_LOOKED_AT;
  const added = await inTurns(fresh, ([path, entry]) => sampleOf(store, path, entry, lookedAt));
  const replaced = fresh.filter(([path]) => now.has(path)).map(([path]) => path);
  await catalogue.change({ removed: [...removed, ...replaced], added });
  return { listed: listed.size, added: added.length, removed: removed.length };
}

async function sampleOf(store: BlobStore, path: string, entry: BlobEntry, lookAt: boolean): Promise<Sample> {
  const id = idInName(path);
  const category = splitPath(path)?.category ?? '';
  const { size, etag, modifiedMs } = entry;
  const facts = lookAt && id !== '' ? readFacts((await store.head(entry.key))?.metadata ?? {}) : undefined;
  return { path, category, size, etag, modifiedMs, id, ...(facts && { facts }) };
}

function byPath(samples: readonly Sample[]): Map<string, Sample> {
  return new Map(samples.map((sample) => [sample.path, sample]));
}
