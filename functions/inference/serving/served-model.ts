import type { LoadedModel, LoadOptions } from '../model/loaded-model.ts';
import type { FetchedModel } from '../model/source/source.ts';
import type { GoldenSample } from './golden.ts';

/** A model that can be asked for by name and version. */
export interface ServedModel {
  readonly name: string;
  /** A whole number as text, as the protocol's clients expect. */
  readonly version: string;
  /** The names of the classes that its scores are of; empty when nobody named them. */
  readonly labels: readonly string[];
  readonly load: LoadOptions;
  /** Kept in memory whatever else is loaded. */
  readonly pinned: boolean;
  /** What the model must pass before it serves. */
  readonly golden: readonly GoldenSample[];
  /** Tensors that it must have, where somebody who loaded it named them. */
  readonly names?: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };
  /** The model itself, for one that is built in and has no file. */
  readonly builtin?: LoadedModel;
  /** Changes when the entry names another file or is run in another way. */
  readonly tag: string;
  fetch(): Promise<FetchedModel>;
}

/** A place that names models: the scenarios, the repository. */
export interface ModelProvider {
  list(): Promise<readonly ServedModel[]>;
}
