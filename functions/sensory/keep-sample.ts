import { createHash } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { readFacts, type Sample } from './catalogue/sample.ts';
import type { Snapshot } from './catalogue/snapshot.ts';
import { type InLine, openLines } from './in-line.ts';
import { differenceHash, findNear } from './near-duplicate.ts';
import { storeSample } from './store-sample.ts';

/** What is done with bytes that are there already: refused, answered with the one that is there, or kept twice. */
export const DUPLICATES = ['refuse', 'link', 'keep'] as const;
export type Duplicates = (typeof DUPLICATES)[number];

export interface GivenSample {
  readonly category: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly duplicates: Duplicates;
  /** Source, group, prediction and the like, as they were given. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Of what may be given again after it was stored: the same each time. */
  readonly at?: Date;
}

export interface Kept {
  readonly sample: Sample;
  /** What was there before it. */
  readonly snapshot: Snapshot;
  /** Whether the bytes were there already. */
  readonly duplicate: boolean;
  /** Pictures that look almost the same. */
  readonly near: readonly Sample[];
}

/** The ending of a file by its content type; what is not named here becomes `.bin`. */
const ENDING = new Map([
  ['image/png', 'png'],
  ['image/jpeg', 'jpg'],
  ['image/webp', 'webp'],
  ['image/gif', 'gif'],
  ['image/tiff', 'tiff'],
  ['application/json', 'json'],
  ['application/x-npy', 'npy'],
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/flac', 'flac'],
  ['text/plain', 'txt'],
  ['text/csv', 'csv'],
]);

/** The same bytes that come several times at once are one after the other: a caller tries again while the store is slow. */
const LINES = new WeakMap<Catalogue, InLine>();

/**
 * Keeps a sample of any content type.
 *
 * @throws BoxError `conflict` when the bytes are there already and duplicates are refused, `unprocessable` for a picture
 * that cannot be read.
 */
export function keepSample(parts: KeepParts, catalogue: Catalogue, given: GivenSample): Promise<Kept> {
  const id = createHash('sha256').update(given.bytes).digest('hex');
  const inLine = LINES.get(catalogue) ?? openLines();
  LINES.set(catalogue, inLine);
  return inLine(id, () => keep(parts, catalogue, given, id));
}

interface KeepParts {
  readonly store: BlobStore;
  readonly maxImagePixels: number;
  readonly stored: () => void;
}

async function keep(parts: KeepParts, catalogue: Catalogue, given: GivenSample, id: string): Promise<Kept> {
  const { category, bytes, contentType, duplicates } = given;
  const snapshot = await catalogue.snapshot();
  const [known] = snapshot.withId(id);
  if (known && duplicates === 'link') return { sample: known, snapshot, duplicate: true, near: [] };
  if (known && duplicates === 'refuse') {
    throw new BoxError('conflict', `Cannot store sample: the same bytes are there already as ${known.path}`, {
      facts: { path: known.path },
    });
  }
  const dhash = contentType.startsWith('image/') ? await differenceHash(bytes, parts.maxImagePixels) : undefined;
  const near = dhash === undefined ? [] : findNear(snapshot, dhash);
  const facts = readFacts({ ...given.facts, dhash });
  const extension = ENDING.get(contentType) ?? 'bin';
  const sample = await storeSample(parts.store, catalogue, {
    category,
    bytes,
    contentType,
    extension,
    ...(facts && { facts }),
    ...(given.at && { at: given.at }),
  });
  parts.stored();
  return { sample, snapshot, duplicate: false, near };
}
