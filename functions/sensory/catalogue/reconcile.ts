import type { BlobEntry, BlobStore } from '#lib/blob/blob-store.ts';
import type { Catalogue } from './catalogue.ts';
import { inTurns } from './replay.ts';
import { idInName, type Sample, splitPath, storedFacts } from './sample.ts';

export interface Reconciled {
  readonly listed: number;
  readonly added: number;
  readonly removed: number;
}

/**
 * Lists the dataset's folder and brings the catalogue in line with it: what other tools copied in, changed or deleted.
 * What is stored, removed or relabelled meanwhile is left alone: there the catalogue knows better.
 */
export async function reconcile(store: BlobStore, catalogue: Catalogue, signal?: AbortSignal): Promise<Reconciled> {
  const before = byPath((await catalogue.snapshot()).samples);
  const listed = new Map<string, BlobEntry>();
  const { data } = catalogue.places;
  for await (const entry of store.list(data, signal === undefined ? {} : { signal })) {
    const path = entry.key.slice(data.length);
    if (splitPath(path)) listed.set(path, entry);
  }
  const listedAt = byPath((await catalogue.snapshot()).samples);
  const fresh = [...listed].filter(
    ([path, { etag }]) => before.get(path)?.etag !== etag && isUnchanged(path, before, listedAt),
  );
  const read = await inTurns(fresh, ([path, entry]) => sampleOf(store, path, entry));
  // Looking at samples takes time, too.
  const now = byPath((await catalogue.snapshot()).samples);
  const added = read.filter(({ path }) => isUnchanged(path, before, now));
  const replaced = added.filter(({ path }) => now.has(path)).map(({ path }) => path);
  const removed = [...before.keys()].filter((path) => !listed.has(path) && isUnchanged(path, before, now));
  await catalogue.change({ removed: [...removed, ...replaced], added });
  return { listed: listed.size, added: added.length, removed: removed.length };
}

type Samples = ReadonlyMap<string, Sample>;

function isUnchanged(path: string, before: Samples, now: Samples): boolean {
  return before.get(path)?.etag === now.get(path)?.etag;
}

/** Of a sample of ours that the catalogue lacks its facts are read: the group decides on which side of a split it stands. */
async function sampleOf(store: BlobStore, path: string, entry: BlobEntry): Promise<Sample> {
  const id = idInName(path);
  const category = splitPath(path)?.category ?? '';
  const { size, etag, modifiedMs } = entry;
  const facts = id === '' ? undefined : storedFacts((await store.head(entry.key))?.metadata ?? {});
  return { path, category, size, etag, modifiedMs, id, ...(facts && { facts }) };
}

function byPath(samples: readonly Sample[]): Samples {
  return new Map(samples.map((sample) => [sample.path, sample]));
}
