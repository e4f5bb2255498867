import type { Readable } from 'node:stream';

/** One bucket of an S3 server. Every method throws BoxError `unavailable` when the server is away or refuses us. */
export interface BlobStore {
  /**
   * Keeps the bytes; resolves once the server says that they are durable.
   *
   * @throws BoxError `conflict` when `ifAbsent` is asked for and the key is taken, `storage_full` when there is no room.
   */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<{ readonly etag: string }>;
  /**
   * The bytes and what is known of them.
   *
   * @throws BoxError `not_found` when there is no such key.
   */
  get(key: string, options?: GetOptions): Promise<Blob>;
  /**
   * The bytes as they come, for what is passed on. The stream is the caller's to read or to destroy.
   *
   * @throws BoxError `not_found` when there is no such key.
   */
  open(key: string): Promise<BlobStream>;
  /** What is known of a key; undefined when there is none. */
  head(key: string): Promise<BlobFacts | undefined>;
  /** Every key that begins with the prefix, in the order of their UTF-8 bytes, from the one that follows `after`. */
  list(prefix: string, options?: ListOptions): AsyncIterable<BlobEntry>;
  /** The next level of names below the prefix: what stands between it and the next `/`. */
  listFolders(prefix: string): Promise<readonly string[]>;
  /** Removes the keys; one that is gone already counts as removed. */
  delete(keys: readonly string[]): Promise<void>;
  /** A URL that lets anybody read the key for so long. */
  presign(key: string, seconds: number): Promise<string>;
  close(): void;
}

export interface PutOptions {
  readonly contentType?: string;
  /** Kept beside the bytes. Names in lower case; text of any characters. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Only when the key is free: what several writers agree by. */
  readonly ifAbsent?: boolean;
}

export interface GetOptions {
  /** Bytes from `start`, `length` of them (at least 1). */
  readonly range?: { readonly start: number; readonly length: number };
  readonly signal?: AbortSignal;
}

export interface ListOptions {
  /** Keys that come after this one. */
  readonly after?: string;
  /** The most keys that the server is asked for at once (default and most 1000), for a caller who wants but a few. */
  readonly pageSize?: number;
  readonly signal?: AbortSignal;
}

export interface BlobEntry {
  readonly key: string;
  readonly size: number;
  /** Changes with the content; without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface BlobFacts extends BlobEntry {
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** `size` is that of the whole object, also where a range was asked for. */
export interface Blob extends BlobFacts {
  readonly bytes: Buffer;
}

export interface BlobStream extends BlobFacts {
  readonly stream: Readable;
}
