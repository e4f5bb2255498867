import { createHash } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { type Manifest, type Places, parseManifest } from './catalogue/manifest.ts';
import { byCodePoint, type Sample } from './catalogue/sample.ts';
import type { Snapshot } from './catalogue/snapshot.ts';
import { checkName } from './names.ts';

/** A state of a dataset under a name, kept for ever: what a model says it was trained on. */
export interface Version {
  readonly name: string;
  /** SHA-256 over every sample's path and content: the same samples have the same hash, however they came. */
  readonly hash: string;
  readonly samples: number;
  readonly frozenAt: string;
  readonly manifest: Manifest;
}

/**
 * Freezes the dataset as it is now.
 *
 * @throws BoxError `conflict` when the name is taken by another state.
 */
export async function freezeVersion(store: BlobStore, catalogue: Catalogue, name: unknown): Promise<Version> {
  const checked = checkName('name', name);
  const snapshot = await catalogue.snapshot();
  await catalogue.pin(snapshot);
  const { manifest, samples } = snapshot;
  const facts = { name: checked, hash: hashOf(snapshot), samples: samples.length, frozenAt: new Date().toISOString() };
  const key = versionKey(catalogue.places, checked);
  try {
    // The manifest's members stand beside the facts, so that a sweep reads it as any other.
    await store.put(key, Buffer.from(JSON.stringify({ ...manifest, ...facts })), { ifAbsent: true });
    return { ...facts, manifest };
  } catch (error) {
    if (!(error instanceof BoxError && error.code === 'conflict')) throw error;
    const known = await readVersion(store, catalogue.places, checked);
    if (known.hash === facts.hash) return known;
    throw new BoxError('conflict', `Cannot freeze version ${checked}: there is one of other samples`, {
      cause: error,
      facts: { hash: known.hash },
    });
  }
}

/**
 * A version.
 *
 * @throws BoxError `not_found` when there is none.
 */
export async function readVersion(store: BlobStore, places: Places, name: unknown): Promise<Version> {
  const checked = checkName('version', name);
  const key = versionKey(places, checked);
  if (!(await store.head(key))) {
    throw new BoxError('not_found', `Cannot find version ${checked} of ${places.folder}: there is none`);
  }
  const { bytes } = await store.get(key);
  const facts: Omit<Version, 'manifest'> = JSON.parse(bytes.toString('utf8'));
  const { hash, samples, frozenAt } = facts;
  return { name: checked, hash, samples, frozenAt, manifest: parseManifest(bytes) };
}

/** The names of a dataset's versions. */
export async function listVersions(store: BlobStore, places: Places): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(places.versions))
    names.push(key.slice(places.versions.length, -'.json'.length));
  return names;
}

export interface Comparison {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** What came, went and changed between two states, by path. */
export function compareSnapshots(before: Snapshot, after: Snapshot): Comparison {
  const old = new Map(before.samples.map((sample) => [sample.path, sample]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const { path, etag } of after.samples) {
    const known = old.get(path);
    old.delete(path);
    if (!known) added.push(path);
    else if (known.etag !== etag) changed.push(path);
  }
  return { added, removed: [...old.keys()], changed };
}

function versionKey(places: Places, name: string): string {
  return `${places.versions}${name}.json`;
}

function hashOf(snapshot: Snapshot): string {
  const hash = createHash('sha256');
  const line = ({ path, etag }: Sample) => `${path}\n${etag}\n`;
  for (const sample of snapshot.samples.toSorted((a, b) => byCodePoint(a.path, b.path))) hash.update(line(sample));
  return hash.digest('hex');
}
