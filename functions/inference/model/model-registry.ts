import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import type { DeclaredShapes } from './dry-run.ts';
import { type LoadedModel, type LoadOptions, loadModel } from './loaded-model.ts';
import { allowedBytes, estimatedBytes, measuredBytes } from './memory-budget.ts';
import type { ThreadPool } from './onnx/thread-pool.ts';
import type { FetchedModel } from './source/source.ts';

/** A model to be had: its file and how it is run. Equal content and options are loaded once, whoever names them. */
export interface ModelRef {
  readonly file: FetchedModel;
  readonly options: LoadOptions;
  /** Kept in memory whatever happens. */
  readonly pinned?: boolean;
}

/** What is in memory. */
export interface ModelFacts {
  readonly hash: string;
  readonly bytes: number;
  readonly placement: LoadedModel['placement'];
  readonly copies: number;
  readonly waiting: number;
}

/** The models in memory, within a budget of bytes: the one used longest ago makes room for a new one. */
export interface ModelRegistry {
  /**
   * Does work with a model, which is loaded if it is not and is not unloaded before the work is done.
   *
   * @throws BoxError `resource_exhausted` when it does not fit beside the models in use, or what loading it throws
   */
  use<T>(ref: ModelRef, work: (model: LoadedModel) => Promise<T>): Promise<T>;
  /**
   * Says that the model is somebody's, so that it is unloaded as soon as the last such claim is given up and nobody uses
   * it. A claim does not keep it in memory: the budget comes first.
   */
  claim(ref: ModelRef): ModelClaim;
  isLoaded(ref: ModelRef): boolean;
  list(): readonly ModelFacts[];
  close(): Promise<void>;
}

export interface ModelClaim {
  /** Gives the claim up; resolves when the model is unloaded, if that was the last one. */
  release(): Promise<void>;
}

export interface ModelRegistryOptions {
  readonly pool: ThreadPool;
  readonly log: Log;
  /** What all loaded models may take, in bytes as measured. */
  readonly maxBytes: number;
}

interface Entry {
  readonly key: string;
  readonly ref: ModelRef;
  readonly loading: Promise<LoadedModel>;
  model: LoadedModel | undefined;
  /** Of all its copies; estimated until the model is loaded, measured from then on. */
  bytes: number;
  users: number;
  usedMs: number;
  /** When it was to be copied the last time. */
  copyMs: number;
  /** Called when the last user is done. */
  onIdle?: () => void;
}

/** A model that was not used for so long makes room for a copy of another, in milliseconds. */
const STALE_MS = 60_000;
/** A copy that could not be made is not tried again sooner. */
const COPY_AGAIN_MS = 1000;

export function openModelRegistry({ pool, log, maxBytes }: ModelRegistryOptions): ModelRegistry {
  const entries = new Map<string, Entry>();
  const claims = new Map<string, number>();
  // Models that were given up: a late user may bring one back for a moment.
  const abandoned = new LRUCache<string, true>({ max: 1000 });
  // Loads are done one after the other, so that what the process grows by is the model's.
  let lastLoad: Promise<unknown> = Promise.resolve();

  const total = () => [...entries.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const remove = async (entry: Entry): Promise<void> => {
    if (entries.get(entry.key) === entry) entries.delete(entry.key);
    const model = await entry.loading.catch(() => undefined);
    if (model === undefined) return;
    if (entry.users > 0) {
      await new Promise<void>((resolve) => {
        entry.onIdle = resolve;
      });
    }
    await model.close();
    log.info({ hash: entry.ref.file.hash, bytes: entry.bytes }, 'model unloaded');
  };
  const idle = (entry: Entry): void => {
    entry.onIdle?.();
    if (!abandoned.has(entry.key) || entries.get(entry.key) !== entry) return;
    remove(entry).catch((error: unknown) => log.error({ err: error }, 'cannot unload model'));
  };
  /** Unloads what was used longest ago until there is room; false when there is none without what is in use. */
  const makeRoom = async (wanted: number, usedBeforeMs: number): Promise<boolean> => {
    while (total() + wanted > allowedBytes(maxBytes, total(), process.memoryUsage.rss())) {
      const idle = [...entries.values()].filter(
        ({ users, model, ref, usedMs }) => users === 0 && model !== undefined && !ref.pinned && usedMs <= usedBeforeMs,
      );
      const oldest = idle.toSorted((a, b) => a.usedMs - b.usedMs)[0];
      if (oldest === undefined) return false;
      await remove(oldest);
    }
    return true;
  };
  const loadNext = async (entry: Entry): Promise<LoadedModel> => {
    const { file, options } = entry.ref;
    const estimate = estimatedBytes(file.bytes);
    await pool.ready();
    const fits = await makeRoom(estimate, Number.POSITIVE_INFINITY);
    // What the process has beside its models is no reason to refuse one.
    if (!fits && total() + estimate > maxBytes) throw doesNotFit(estimate, total(), maxBytes);
    entry.bytes = estimate;
    const before = process.memoryUsage.rss();
    const model = await loadModel(file.path, options, { pool, log, onCrowded: () => copySoon(entry) });
    entry.bytes = measuredBytes(process.memoryUsage.rss() - before, file.bytes);
    entry.model = model;
    return model;
  };
  /** A model that is in demand goes into another thread, if there is room: it is not worth another model. */
  const copySoon = (entry: Entry): void => {
    if (entry.model === undefined || performance.now() - entry.copyMs < COPY_AGAIN_MS) return;
    entry.copyMs = Number.POSITIVE_INFINITY;
    lastLoad = lastLoad.then(async () => {
      try {
        await copyNow(entry);
      } catch (error) {
        log.warn({ err: error, hash: entry.ref.file.hash }, 'cannot load the model into another thread');
      }
      entry.copyMs = performance.now();
    });
  };
  const copyNow = async (entry: Entry): Promise<void> => {
    const { model } = entry;
    if (model === undefined || entries.get(entry.key) !== entry) return;
    const one = entry.bytes / model.copies;
    if (!(await makeRoom(one, performance.now() - STALE_MS))) return;
    entry.bytes += one;
    try {
      await model.copy();
    } catch (error) {
      entry.bytes -= one;
      throw error;
    }
    log.info({ hash: entry.ref.file.hash, copies: model.copies }, 'model copied');
  };
  const begin = (key: string, ref: ModelRef): Entry => {
    const started = lastLoad.then(() => loadNext(entry));
    const times = { usedMs: performance.now(), copyMs: Number.NEGATIVE_INFINITY };
    const entry: Entry = { key, ref, loading: started, model: undefined, bytes: 0, users: 0, ...times };
    entries.set(key, entry);
    lastLoad = started.catch(() => {
      // Whoever asked for the model sees the error; a later call tries again, and may have begun to.
      if (entries.get(key) === entry) entries.delete(key);
    });
    return entry;
  };

  return {
    async use(ref, work) {
      const key = keyOf(ref);
      const entry = entries.get(key) ?? begin(key, ref);
      entry.users++;
      entry.usedMs = performance.now();
      try {
        return await work(entry.model ?? (await entry.loading));
      } finally {
        if (--entry.users === 0) idle(entry);
      }
    },
    claim(ref) {
      const key = keyOf(ref);
      claims.set(key, (claims.get(key) ?? 0) + 1);
      abandoned.delete(key);
      let given = true;
      return {
        async release() {
          if (!given) return;
          given = false;
          const left = (claims.get(key) ?? 1) - 1;
          if (left > 0) claims.set(key, left);
          else claims.delete(key);
          if (left > 0) return;
          abandoned.set(key, true);
          const entry = entries.get(key);
          if (entry) await remove(entry);
        },
      };
    },
    isLoaded: (ref) => entries.get(keyOf(ref))?.model !== undefined,
    list: () =>
      [...entries.values()].flatMap(({ ref, bytes, model }) =>
        model ? [{ hash: ref.file.hash, bytes, ...factsOf(model) }] : [],
      ),
    async close() {
      const all = [...entries.values()];
      entries.clear();
      await Promise.allSettled(all.map(async ({ loading }) => (await loading).close()));
    },
  };
}

function factsOf({ placement, copies, waiting }: LoadedModel) {
  return { placement, copies, waiting };
}

const keys = new WeakMap<ModelRef, string>();

function keyOf(ref: ModelRef): string {
  const known = keys.get(ref);
  if (known !== undefined) return known;
  const { session, batching, placement } = ref.options;
  const key = `${ref.file.hash} ${JSON.stringify([session, batching, placement])}`;
  keys.set(ref, key);
  return key;
}

function doesNotFit(wanted: number, used: number, maxBytes: number): BoxError {
  const rule = `the models in use take ${used} of MODEL_MEMORY_BYTES=${maxBytes}`;
  return new BoxError('resource_exhausted', `Cannot load model: ${rule}, got one that needs ${wanted}`, {
    retryAfterSeconds: 5,
  });
}

/** The shapes that a list of declared inputs gives, by name. */
export function declaredShapes(
  inputs: readonly { readonly data_name: string; readonly data_shape: readonly (number | string | null)[] }[],
): DeclaredShapes {
  return new Map(inputs.map(({ data_name, data_shape }) => [data_name, data_shape.map((n) => (n === -1 ? null : n))]));
}
