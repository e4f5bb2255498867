import { createHash } from 'node:crypto';
import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { decodeImage } from '#lib/image/decode-image.ts';
import { isPng } from '#lib/image/png.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import type { Sample, SampleFacts } from './catalogue/sample.ts';

export interface NewSample {
  readonly category: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Without a dot: `png`. */
  readonly extension: string;
  readonly facts?: SampleFacts;
  /** What the file is named after in place of now: stored again, as after a lost answer, it is the same object. */
  readonly at?: Date;
}

/** Keeps a sample and tells the catalogue. Resolves once the object store says that it is durable. */
export async function storeSample(store: BlobStore, catalogue: Catalogue, sample: NewSample): Promise<Sample> {
  const { category, bytes, contentType, extension, facts, at } = sample;
  const id = createHash('sha256').update(bytes).digest('hex');
  const now = new Date();
  const micros = at === undefined ? nextMicros(now) : at.getTime() * 1000;
  const path = `${category}/${timestamp(micros)}_${id}.${extension}`;
  const { etag } = await store.put(`${catalogue.places.data}${path}`, bytes, {
    contentType,
    ...(facts && { metadata: { ...facts } }),
  });
  const stored = { path, category, size: bytes.length, etag, modifiedMs: now.getTime(), id, ...(facts && { facts }) };
  catalogue.add(stored, bytes);
  return stored;
}

let lastMicros = 0;

/** No two of a process are the same. */
function nextMicros(now: Date): number {
  lastMicros = Math.max(lastMicros + 1, now.getTime() * 1000);
  return lastMicros;
}

/** `2026-11-21_21_13_27_123456` in UTC, as the older service named its files. */
function timestamp(micros: number): string {
  const [date, time] = new Date(Math.floor(micros / 1000)).toISOString().split('T') as [string, string];
  const fraction = String(micros % 1_000_000).padStart(6, '0');
  return `${date}_${time.slice(0, 8).replaceAll(':', '_')}_${fraction}`;
}

/**
 * Checks that the bytes are a whole PNG of exactly that size.
 *
 * @throws BoxError `unprocessable` when they are not, `too_large` above the limit.
 */
export async function checkPicture(bytes: Buffer, width: number, height: number, maxPixels: number): Promise<void> {
  if (!isPng(bytes)) throw new BoxError('unprocessable', 'Cannot store sample: data must be a PNG in base64');
  const image = await decodeImage(bytes, { maxPixels });
  if (image.width === width && image.height === height) return;
  throw new BoxError(
    'unprocessable',
    `Cannot store sample: the picture must be ${width}x${height} pixels, got ${image.width}x${image.height}`,
  );
}
