import type { Blob, BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';

/**
 * Copies an object to a key, unless other bytes lie there: a sample never takes the place of another. Done again it changes
 * nothing.
 *
 * @returns whether the key has the bytes now, and its ETag; undefined where it has others.
 */
export async function putOnce(
  store: BlobStore,
  key: string,
  blob: Blob,
): Promise<{ readonly etag: string } | undefined> {
  const { bytes, contentType, metadata } = blob;
  try {
    return await store.put(key, bytes, { contentType, metadata, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof BoxError && error.code === 'conflict')) throw error;
    const there = await store.get(key);
    return there.bytes.equals(bytes) ? there : undefined;
  }
}
