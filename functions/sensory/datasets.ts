import type { BlobStore } from '#lib/blob/blob-store.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Log } from '#lib/log/log.ts';
import { type Catalogue, openCatalogue } from './catalogue/catalogue.ts';
import { reconcile } from './catalogue/reconcile.ts';
import { sweepCatalogue } from './catalogue/sweep.ts';
import { type DatasetName, datasetFolder, parseDatasetFolder } from './names.ts';
import { mergeNext } from './pack/merge.ts';
import { PACK_LIMITS, packNext } from './pack/packer.ts';

export interface DatasetsOptions {
  readonly store: BlobStore;
  readonly log: Log;
  /** Kept in line with the bucket at all times; others only while they are used. */
  readonly defaultDataset: DatasetName;
  readonly listSeconds: number;
  readonly observe: (what: 'listed' | 'packed' | 'merged', dataset: string, count: number, seconds: number) => void;
}

/** The datasets that are in use, each with its catalogue, kept in line with the bucket and packed in the background. */
export interface Datasets {
  /** The dataset's catalogue; on its first use ever it is made from a listing. */
  open(dataset: DatasetName): Promise<Catalogue>;
  openFolder(folder: string): Promise<Catalogue>;
  /** Lists the dataset's folder now. */
  reconcile(dataset: DatasetName): Promise<void>;
  /**
   * Packs all samples that are not packed yet: a state of packed samples is kept whatever becomes of the originals.
   *
   * @throws BoxError `unavailable` when that takes longer than a caller waits; it goes on in the background.
   */
  packAll(dataset: DatasetName): Promise<void>;
  close(): Promise<void>;
}

interface Used {
  readonly catalogue: Catalogue;
  usedMs: number;
  /** When the last listing ended, and how long it took. */
  listedMs: number;
  tookMs: number;
  listing: Promise<void> | undefined;
  sweptMs: number;
}

/** How often the background looks for something to do. */
const TICK_MS = 1000;
/** A dataset that nobody used for so long is left alone. */
const USED_MS = 10 * 60 * 1000;
/** A listing takes no more than a fifth of the time, but comes at least this often. */
const LISTING_SHARE = 5;
const MAX_PAUSE_MS = 45_000;
const SWEEP_MS = 10 * 60 * 1000;
/** Below the 60 s of the gateway. */
const PACK_ALL_MS = 40_000;

export function openDatasets(options: DatasetsOptions): Datasets {
  const { store, log, defaultDataset, observe } = options;
  const used = new Map<string, Used>();
  const closing = new AbortController();
  let working: Promise<void> | undefined;

  function entry(dataset: DatasetName): Used {
    const folder = datasetFolder(dataset);
    let found = used.get(folder);
    if (!found) {
      const catalogue = openCatalogue(store, dataset, log);
      found = { catalogue, usedMs: 0, listedMs: 0, tookMs: 0, listing: undefined, sweptMs: Date.now() };
      used.set(folder, found);
    }
    found.usedMs = Date.now();
    return found;
  }

  function list(one: Used): Promise<void> {
    one.listing ??= (async () => {
      const began = Date.now();
      const { listed } = await reconcile(store, one.catalogue, closing.signal);
      one.listedMs = Date.now();
      one.tookMs = one.listedMs - began;
      observe('listed', one.catalogue.places.folder, listed, one.tookMs / 1000);
    })().finally(() => {
      one.listing = undefined;
    });
    return one.listing;
  }

  function isListingDue(one: Used): boolean {
    const pause = Math.min(MAX_PAUSE_MS, Math.max(options.listSeconds * 1000, one.tookMs * LISTING_SHARE));
    return Date.now() - one.listedMs >= pause;
  }

  /** Does a piece of work again and again until there is nothing left of it; how much it was. */
  async function repeat(one: Used, what: 'packed' | 'merged', next: typeof packNext): Promise<number> {
    let sum = 0;
    for (let count = 1; count > 0 && !closing.signal.aborted; sum += count) {
      const began = performance.now();
      count = await next(store, one.catalogue);
      if (count > 0) observe(what, one.catalogue.places.folder, count, (performance.now() - began) / 1000);
    }
    return sum;
  }

  async function work(): Promise<void> {
    entry(defaultDataset);
    for (const [folder, one] of used) {
      if (closing.signal.aborted) return;
      if (Date.now() - one.usedMs > USED_MS) continue;
      try {
        const listingDue = isListingDue(one);
        if (listingDue) await list(one);
        const packed = await repeat(one, 'packed', packNext);
        // Shards become more by packing, and their samples fewer by what is deleted, which can wait for a listing.
        if (packed > 0 || listingDue) await repeat(one, 'merged', mergeNext);
        if (Date.now() - one.sweptMs > SWEEP_MS) {
          one.sweptMs = Date.now();
          await sweepCatalogue(store, one.catalogue.places);
        }
      } catch (error) {
        // What could not be done is due again at the next tick.
        if (!closing.signal.aborted) log.warn({ err: error, dataset: folder }, 'Cannot tend the dataset for now');
      }
    }
  }

  /** The background and `packAll` take turns: samples are not packed twice. */
  function inTurn(task: () => Promise<void>): Promise<void> {
    const done = (working ?? Promise.resolve()).then(task);
    const settled = done
      .catch(() => undefined)
      .finally(() => {
        if (working === settled) working = undefined;
      });
    working = settled;
    return done;
  }

  async function packAll(one: Used): Promise<void> {
    const endMs = Date.now() + PACK_ALL_MS;
    await repeat(one, 'packed', async (store, catalogue) => {
      if (Date.now() < endMs) return packNext(store, catalogue, { ...PACK_LIMITS, minSamples: 0 });
      const rule = 'samples that were stored lately are still being packed, ask again';
      throw new BoxError('unavailable', `Cannot freeze dataset ${catalogue.places.folder}: ${rule}`, {
        retryAfterSeconds: 10,
      });
    });
  }

  const timer = setInterval(() => {
    if (working === undefined) void inTurn(work);
  }, TICK_MS);

  async function open(dataset: DatasetName): Promise<Catalogue> {
    const one = entry(dataset);
    // Without a catalogue there is nothing to answer from; with one the background's listing will do.
    if (one.listedMs === 0 && (await one.catalogue.snapshot()).seq === 0) await list(one);
    return one.catalogue;
  }

  return {
    open,
    openFolder: (folder) => open(parseDatasetFolder(folder)),
    async reconcile(dataset) {
      const one = entry(dataset);
      // One that is under way may have passed what came before this call.
      await one.listing?.catch(() => undefined);
      await list(one);
    },
    packAll: (dataset) => inTurn(() => packAll(entry(dataset))),
    async close() {
      clearInterval(timer);
      closing.abort();
      await working;
      await Promise.all([...used.values()].map(({ catalogue }) => catalogue.close()));
    },
  };
}
