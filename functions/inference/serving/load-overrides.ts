import { createHash } from 'node:crypto';
import { BoxError } from '#lib/error/box-error.ts';
import type { LoadOptions } from '../model/loaded-model.ts';
import type { ModelFetcher } from '../model/source/source.ts';
import type { ModelProvider, ServedModel } from './served-model.ts';
import { readTritonConfig, type TritonConfig } from './triton-config.ts';

/** A configuration, and perhaps files, that a request to load a model brought in place of the model's own. */
export interface LoadOverride {
  readonly config: Readonly<Record<string, unknown>>;
  /** By version and name. */
  readonly files: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
}

/** Models as requests to load them have changed them: until the next such request, or until they are unloaded. */
export interface LoadOverrides extends ModelProvider {
  /**
   * Does work while the model is as the override has it; undefined takes an earlier one back. What was before comes back
   * when the work fails.
   *
   * @throws BoxError `invalid_argument` for a configuration that cannot be honoured
   */
  replace<T>(name: string, override: LoadOverride | undefined, work: () => Promise<T>): Promise<T>;
  /** Takes an override back. */
  drop(name: string): void;
}

export interface LoadOverridesOptions {
  /** Where models come from otherwise. */
  readonly providers: readonly ModelProvider[];
  readonly fetcher: ModelFetcher;
  readonly load: LoadOptions;
}

interface Kept {
  readonly config: TritonConfig;
  readonly files: LoadOverride['files'];
  readonly tag: string;
}

export function openLoadOverrides({ providers, fetcher, load }: LoadOverridesOptions): LoadOverrides {
  const kept = new Map<string, Kept>();
  const set = (name: string, override: Kept | undefined): void => {
    if (override === undefined) kept.delete(name);
    else kept.set(name, override);
  };
  return {
    async list() {
      const found = (await Promise.all(providers.map((provider) => provider.list()))).flat();
      const changed = found.flatMap((served) => {
        const override = kept.get(served.name);
        if (override === undefined) return [served];
        return override.files.size > 0 ? [] : [configured(served, override)];
      });
      return [...changed, ...[...kept].flatMap(([name, override]) => sent(name, override, fetcher))];
    },
    async replace(name, override, work) {
      const before = kept.get(name);
      set(
        name,
        override && { ...override, config: readTritonConfig(override.config, name, load), tag: tagOf(override) },
      );
      try {
        return await work();
      } catch (error) {
        set(name, before);
        throw error;
      }
    },
    drop: (name) => set(name, undefined),
  };
}

function configured(served: ServedModel, { config, tag }: Kept): ServedModel {
  const { declared } = served.load;
  return {
    ...served,
    labels: config.labels ?? served.labels,
    load: { ...config.load, ...(declared && { declared }) },
    names: config,
    tag: `${served.tag} ${tag}`,
  };
}

/** The versions whose files were sent. */
function sent(name: string, { config, files, tag }: Kept, fetcher: ModelFetcher): ServedModel[] {
  return [...files].map(([version, named]) => ({
    name,
    version,
    labels: config.labels ?? [],
    load: config.load,
    names: config,
    pinned: false,
    golden: [],
    tag,
    async fetch() {
      if (named.has('model.onnx')) return fetcher.keep(named);
      const rule = `version ${version} must have a file model.onnx`;
      throw new BoxError('invalid_argument', `Cannot load model ${name}: ${rule}, got ${[...named.keys()].join(', ')}`);
    },
  }));
}

function tagOf({ config, files }: LoadOverride): string {
  const hash = createHash('sha256').update(JSON.stringify(config));
  for (const [version, named] of files) {
    for (const [path, bytes] of named) hash.update(`\n${version}/${path} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}
