import type { Readable } from 'node:stream';
import type { GraphTensors } from '../tensorflow/graph-converter.ts';

/** What a source said of a file the last time, so that it is not fetched again unchanged. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

/** A file of a source that is being read. */
export interface OpenedFile {
  readonly body: Readable;
  readonly validators: Validators;
  /** The file's size, when the source tells it beforehand. */
  readonly bytes: number | undefined;
}

/** A place that models come from. */
export interface ModelSource {
  /**
   * Opens a file; 'unchanged' when the source says that it is the one that `known` came with.
   *
   * @throws BoxError `not_found`, `permission_denied` for a place that is not allowed, `unavailable` when the source
   *   does not answer.
   */
  open(location: string, known: Validators | undefined, signal: AbortSignal): Promise<OpenedFile | 'unchanged'>;
}

/** A model's file on this machine's disk, and the files beside it that hold its tensors. */
export interface FetchedModel {
  readonly path: string;
  /** The hash of the model's content, its other files included. */
  readonly hash: string;
  /** SHA-256 of the model file alone, unpacked. */
  readonly sha256: string;
  readonly bytes: number;
}

/** Brings models onto this machine. */
export interface ModelFetcher {
  /**
   * Brings a model here: from the cache when its source says that nothing changed.
   *
   * @param sha256 what the unpacked file must hash to, when that is known; then the source is asked only if the file is
   *   not here yet
   * @throws BoxError `not_found`, `permission_denied`, `too_large`, `unprocessable`, `unavailable`, `deadline_exceeded`
   */
  fetch(location: string, sha256?: string): Promise<FetchedModel>;
  /**
   * Brings the ONNX model of a TensorFlow frozen graph here; the graph is converted if it never was.
   *
   * @param sha256 what the unpacked graph must hash to, when that is known
   * @throws BoxError `not_implemented` where nothing here converts graphs, and what `fetch` throws
   */
  fetchConverted(location: string, tensors: GraphTensors, sha256?: string): Promise<FetchedModel>;
  /**
   * Takes a model that was sent here: its files by name, `model.onnx` among them.
   *
   * @throws BoxError `unprocessable` when it is no ONNX model or a file that holds its tensors is missing
   */
  keep(files: ReadonlyMap<string, Buffer>): Promise<FetchedModel>;
  /** Whether what was fetched is still on disk. */
  has(model: FetchedModel): Promise<boolean>;
}
