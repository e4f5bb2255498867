import { BoxError, errorText } from '#lib/error/box-error.ts';
import type { LoadedModel } from '../model/loaded-model.ts';
import type { ModelClaim, ModelRef, ModelRegistry } from '../model/model-registry.ts';
import type { ModelFetcher } from '../model/source/source.ts';
import { checkGolden } from './golden.ts';
import type { ModelProvider, ServedModel } from './served-model.ts';

/** A model as the repository index tells of it. */
export interface CatalogEntry {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'UNAVAILABLE';
  /** Why it is not ready; empty when it is. */
  readonly reason: string;
}

/** The models that can be asked for by name, wherever they come from. */
export interface Catalog {
  list(): Promise<readonly CatalogEntry[]>;
  /** The versions of a model, in order. */
  versions(name: string): Promise<readonly string[]>;
  /** The model; its newest version when none is named. @throws BoxError `not_found` */
  find(name: string, version: string | undefined): Promise<ServedModel>;
  /**
   * Does work with a model, which is loaded on first use.
   *
   * @throws BoxError `not_found` for an unknown model, `unavailable` for one that was unloaded by hand
   */
  use<T>(name: string, version: string | undefined, work: ModelWork<T>): Promise<T>;
  /**
   * Loads a model anew from its source. It takes the place of the one in memory once it is ready; requests that are
   * under way end on the old one. When loading fails or a golden sample does not pass the old one stays.
   *
   * @returns the model that serves now, the newest version when none is named
   */
  load(name: string, version?: string): Promise<ServedModel>;
  /** Looks for models anew with the next question: somebody knows that they have changed. */
  refresh(): void;
  /** Takes a model out of service until it is loaded again; requests that are under way end. */
  unload(name: string): Promise<void>;
}

export type ModelWork<T> = (model: LoadedModel, served: ServedModel) => Promise<T>;

interface State {
  readonly tag: string;
  readonly ref: Promise<ModelRef>;
  claim: ModelClaim | undefined;
}

/** How long a list of models is believed, in milliseconds; a name that is not in it is looked up at once. */
const FRESH_MS = 2000;
/** From this age on it is read again beside the requests. */
const RENEW_MS = 1000;

/**
 * @param providers in order of precedence: the first that names a model wins
 * @param fetcher knows whether a model's file is still on disk
 */
export function openCatalog(
  providers: readonly ModelProvider[],
  registry: ModelRegistry,
  fetcher: Pick<ModelFetcher, 'has'>,
): Catalog {
  const states = new Map<string, State>();
  const unloaded = new Set<string>();
  const failures = new Map<string, string>();
  const listing = openListing(providers);

  const begin = (served: ServedModel): State => {
    const ref = served.fetch().then((file) => ({ file, options: served.load, pinned: served.pinned }));
    const state: State = { tag: served.tag, ref, claim: undefined };
    ref.then(
      (known) => {
        state.claim = registry.claim(known);
      },
      () => undefined,
    );
    return state;
  };
  /** Loads what the provider names now; what was loaded before is given up only then. */
  const swapIn = async (served: ServedModel): Promise<ModelRef> => {
    const key = keyOf(served);
    const next = begin(served);
    try {
      const ref = await next.ref;
      await registry.use(ref, async (model) => {
        if (model.trial.failure && model.trial.contradicts) throw contradicts(served.name, model.trial.failure);
        checkNames(served, model);
        await checkGolden(model, served.golden);
      });
      const before = states.get(key);
      states.set(key, next);
      failures.delete(key);
      // In the background: requests that are under way end on it first.
      before?.claim?.release();
      return ref;
    } catch (error) {
      failures.set(key, errorText(error));
      await next.claim?.release();
      throw error;
    }
  };
  const refOf = async (served: ServedModel): Promise<ModelRef> => {
    const key = keyOf(served);
    const state = states.get(key);
    if (state === undefined) return once(key, () => swapIn(served));
    // A model that was replaced serves until its replacement is ready, and on when that one fails.
    if (state.tag !== served.tag && refusedTags.get(key) !== served.tag) {
      once(key, () => swapIn(served)).catch(() => refusedTags.set(key, served.tag));
    }
    const ref = await state.ref;
    // It had to make room in memory, and then on disk too.
    const isGone = !registry.isLoaded(ref) && !(await fetcher.has(ref.file));
    return isGone ? once(key, () => swapIn(served)) : ref;
  };
  const refusedTags = new Map<string, string>();
  const swaps = new Map<string, Promise<ModelRef>>();
  const once = (key: string, swap: () => Promise<ModelRef>): Promise<ModelRef> => {
    const running = swaps.get(key);
    if (running) return running;
    const started = swap().finally(() => swaps.delete(key));
    swaps.set(key, started);
    return started;
  };

  return {
    async list() {
      const all = [...(await listing.all()).values()].flat();
      return all.map((served) => entryOf(served, states, unloaded, failures));
    },
    async versions(name) {
      const found = (await listing.named(name)).map(({ version }) => version);
      if (found.length === 0) throw unknownModel(name, undefined);
      return found;
    },
    async find(name, version) {
      return pick(await listing.named(name), name, version);
    },
    async use(name, version, work) {
      const served = pick(await listing.named(name), name, version);
      if (unloaded.has(name)) {
        throw new BoxError('unavailable', `Cannot run model ${name}: it was unloaded, load it first`);
      }
      if (served.builtin !== undefined) return work(served.builtin, served);
      return registry.use(await refOf(served), (model) => work(model, served));
    },
    async load(name, version) {
      listing.forget();
      const served = pick(await listing.named(name), name, version);
      if (served.builtin === undefined) await swapIn(served);
      else if (served.names !== undefined) throw noConfig(name);
      unloaded.delete(name);
      return served;
    },
    refresh: () => listing.forget(),
    async unload(name) {
      const all = await listing.named(name);
      if (all.length === 0) throw unknownModel(name, undefined);
      unloaded.add(name);
      for (const served of all) {
        const key = keyOf(served);
        const state = states.get(key);
        states.delete(key);
        await state?.claim?.release();
      }
    },
  };
}

function checkNames({ name, names }: ServedModel, { signature }: LoadedModel): void {
  for (const kind of ['inputs', 'outputs'] as const) {
    const known = signature[kind].map((spec) => spec.name);
    const stranger = names?.[kind].find((wanted) => !known.includes(wanted));
    if (stranger === undefined) continue;
    const rule = `the ${kind} of its config must be among ${known.map((each) => JSON.stringify(each)).join(', ')}`;
    throw new BoxError('invalid_argument', `Cannot load model ${name}: ${rule}, got ${JSON.stringify(stranger)}`);
  }
}

function contradicts(name: string, failure: BoxError): BoxError {
  const rule = 'its graph must fit the input shape that it declares';
  return new BoxError('unprocessable', `Cannot serve model ${name}: ${rule}, but zeros fail: ${failure.message}`);
}

/** The models that there are, by name, oldest version first. */
type Listing = ReadonlyMap<string, readonly ServedModel[]>;

function openListing(providers: readonly ModelProvider[]) {
  let known: { readonly at: number; readonly models: Listing } | undefined;
  let reading: Promise<Listing> | undefined;
  const read = (): Promise<Listing> => {
    const at = performance.now();
    const started = Promise.all(providers.map((provider) => provider.list())).then((lists) => byName(lists.flat()));
    reading = started;
    const ended = (models: Listing | undefined) => {
      // A list that was begun later, or after forget(), counts alone.
      if (reading !== started) return;
      reading = undefined;
      known = models && { at, models };
    };
    started.then(ended, () => ended(undefined));
    return started;
  };
  /** While requests come often none waits for the list: it is read again beside them before it is too old. */
  const all = (): Listing | Promise<Listing> => {
    const age = known ? performance.now() - known.at : FRESH_MS;
    if (known === undefined || age >= FRESH_MS) return reading ?? read();
    if (age >= RENEW_MS && reading === undefined) read();
    return known.models;
  };
  return {
    all,
    async named(name: string): Promise<readonly ServedModel[]> {
      const list = all();
      const found = (list instanceof Promise ? await list : list).get(name);
      return found ?? (await read()).get(name) ?? [];
    },
    forget() {
      known = undefined;
      reading = undefined;
    },
  };
}

function byName(models: readonly ServedModel[]): Listing {
  const names = new Map<string, ServedModel[]>();
  for (const served of firstOfEach(models)) {
    const versions = names.get(served.name);
    if (versions) versions.push(served);
    else names.set(served.name, [served]);
  }
  for (const versions of names.values()) versions.sort((a, b) => Number(a.version) - Number(b.version));
  return names;
}

function firstOfEach(models: readonly ServedModel[]): ServedModel[] {
  const first = new Map<string, ServedModel>();
  for (const served of models) if (!first.has(keyOf(served))) first.set(keyOf(served), served);
  return [...first.values()];
}

function keyOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${version} ${name}`;
}

function pick(models: readonly ServedModel[], name: string, version: string | undefined): ServedModel {
  const found = version === undefined ? models.at(-1) : models.find((served) => served.version === version);
  if (found === undefined) throw unknownModel(name, version);
  return found;
}

function unknownModel(name: string, version: string | undefined): BoxError {
  const which = version === undefined ? '' : ` version ${version}`;
  return new BoxError('not_found', `Cannot find model ${JSON.stringify(name)}${which}: there is none of that name`);
}

function noConfig(name: string): BoxError {
  return new BoxError(
    'invalid_argument',
    `Cannot load model ${name}: a built-in model takes no configuration or files`,
  );
}

function entryOf(
  { name, version, builtin }: ServedModel,
  states: ReadonlyMap<string, State>,
  unloaded: ReadonlySet<string>,
  failures: ReadonlyMap<string, string>,
): CatalogEntry {
  const key = keyOf({ name, version });
  if (unloaded.has(name)) return { name, version, state: 'UNAVAILABLE', reason: 'unloaded' };
  if (builtin !== undefined || states.has(key)) return { name, version, state: 'READY', reason: '' };
  return { name, version, state: 'UNAVAILABLE', reason: failures.get(key) ?? 'not loaded yet: it is on first use' };
}
