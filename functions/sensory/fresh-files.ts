import { LRUCache } from 'lru-cache';

/**
 * Files that were just written, until they are fetched: of orders, which who waits for them fetches at once, and samples,
 * which are packed some seconds after they came. S3 is spared a read of each.
 */
export interface FreshFiles {
  keep(key: string, bytes: Buffer): void;
  /** The bytes, once; undefined when they are only in S3. */
  take(key: string): Buffer | undefined;
}

/** Nobody is waiting for what has not been fetched in this time. */
const KEPT_MS = 60_000;

/** Keeps at most so many bytes. */
export function openFreshFiles(maxBytes: number): FreshFiles {
  const files = new LRUCache<string, Buffer>({
    maxSize: maxBytes,
    sizeCalculation: (bytes) => Math.max(1, bytes.length),
    ttl: KEPT_MS,
    ttlAutopurge: true,
  });
  return {
    keep: (key, bytes) => {
      files.set(key, bytes);
    },
    take(key) {
      const bytes = files.get(key);
      files.delete(key);
      return bytes;
    },
  };
}
