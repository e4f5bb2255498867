import type { DatasetName } from '../names.ts';

/** What a file of samples is made of, but for the pixels. */
export interface FileParts {
  readonly dataset: DatasetName;
  readonly categories: readonly string[];
  /** The index of each sample's category. */
  readonly labels: Int32Array;
  /** Category and file of a sample, by its place. */
  readonly path: (place: number) => string;
  /** The position of each sample in the order. */
  readonly positions: Float64Array;
}

/** A file in the making: pixels are written where they will stand, or beside it where they must be wrapped. */
export interface OrderFile {
  /** Room for the pixels, side by side in the order of the samples. */
  readonly pixels: Buffer;
  /** The file, once the pixels are written. */
  finish(): Promise<Buffer>;
}
