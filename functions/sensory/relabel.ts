import type { Blob, BlobStore } from '#lib/blob/blob-store.ts';
import type { CouchDatabase } from '#lib/couchdb/couch-database.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { Catalogue } from './catalogue/catalogue.ts';
import { type Sample, splitPath, storedFacts } from './catalogue/sample.ts';
import { openLines } from './in-line.ts';
import { putOnce } from './put-once.ts';

/** One change of a label. */
export interface LabelChange {
  readonly at: string;
  readonly by: string;
  /** Categories. */
  readonly from: string;
  readonly to: string;
}

/** Changes labels: an object goes to another folder, which S3 does in steps that a process may not live to complete. */
export interface Relabelling {
  /** Gives the sample another category; the sample as it is then. */
  relabel(catalogue: Catalogue, sample: Sample, id: string, change: LabelChange): Promise<Sample>;
  /** Completes what is left of an earlier relabelling of a sample. */
  settle(catalogue: Catalogue, id: string): Promise<void>;
  /** Completes relabellings that began so long ago and are not done: the process that made them has ended. */
  recover(olderThanMs: number): Promise<number>;
  /** All changes of a sample's label, the oldest first. */
  history(catalogue: Catalogue, id: string): Promise<readonly LabelChange[]>;
}

/** A relabelling under way, as its document in CouchDB has it: what it takes to complete it. */
interface Move {
  readonly dataset: string;
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly change: LabelChange;
}

const PREFIX = 'relabel:';
const MAX_TRIES = 20;

export function openRelabelling(
  store: BlobStore,
  database: CouchDatabase,
  catalogueOf: (folder: string) => Promise<Catalogue>,
): Relabelling {
  /** Of one sample one relabelling at a time. */
  const inLine = openLines();

  async function pending(key: string): Promise<{ move: Move; rev: string } | undefined> {
    const document = await database.get(key);
    return document && { move: readMove(document), rev: document._rev };
  }

  /** Every step may have been done before: each of them done again changes nothing. */
  async function complete(catalogue: Catalogue, key: string, move: Move, rev: string): Promise<Sample | undefined> {
    const { data } = catalogue.places;
    const { id, from, to } = move;
    const old = await getOrNothing(store, data + from);
    if (old && !(await putOnce(store, data + to, old))) {
      await forget(key, rev);
      throw new BoxError('conflict', `Cannot relabel ${from}: another sample just became ${to}`);
    }
    const moved = await sampleAt(catalogue, to, id, old);
    await catalogue.change({ removed: [from], added: moved ? [moved] : [] });
    if (moved) await remember(move);
    await store.delete([data + from]);
    await forget(key, rev);
    return moved;
  }

  /** The file keeps its name, by which it is split, unless another sample of the category has it: 1.png of each class. */
  async function freePath({ places }: Catalogue, sample: Sample, id: string, category: string): Promise<string> {
    const path = `${category}/${sample.path.slice(sample.category.length + 1)}`;
    if (!(await store.head(places.data + path))) return path;
    const dot = path.lastIndexOf('.');
    return dot === -1 ? `${path}_${id}` : `${path.slice(0, dot)}_${id}${path.slice(dot)}`;
  }

  async function sampleAt(catalogue: Catalogue, path: string, id: string, old: Blob | undefined) {
    const facts = await store.head(catalogue.places.data + path);
    if (!facts) return undefined;
    const known = storedFacts(facts.metadata);
    const { size, etag } = facts;
    const modifiedMs = old?.modifiedMs ?? facts.modifiedMs;
    return {
      path,
      category: splitPath(path)?.category ?? '',
      size,
      etag,
      modifiedMs,
      id,
      ...(known && { facts: known }),
    };
  }

  /** Adds a change to the sample's history, once. */
  async function remember({ dataset, id, change }: Move): Promise<void> {
    for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
      const document = await database.get(historyKey(dataset, id));
      const changes = readChanges(document?.changes);
      if (changes.some(({ at, by }) => at === change.at && by === change.by)) return;
      try {
        await database.put(historyKey(dataset, id), { changes: [...changes, change] }, document?._rev);
        return;
      } catch (error) {
        if (!(error instanceof BoxError && error.code === 'conflict')) throw error;
      }
    }
    throw new BoxError('unavailable', `Cannot keep the history of ${id}: others always came first`);
  }

  /** Another process may have completed it too. */
  async function forget(key: string, rev: string): Promise<void> {
    try {
      await database.delete(key, rev);
    } catch (error) {
      if (!(error instanceof BoxError && ['conflict', 'not_found'].includes(error.code))) throw error;
    }
  }

  async function settle(catalogue: Catalogue, key: string): Promise<void> {
    const left = await pending(key);
    if (left) await complete(catalogue, key, left.move, left.rev);
  }

  /** One that cannot be completed holds up no other. */
  async function recoverOne({ dataset, id }: Move): Promise<void> {
    const catalogue = await catalogueOf(dataset);
    await inLine(moveKey(dataset, id), () => settle(catalogue, moveKey(dataset, id)));
  }

  return {
    relabel(catalogue, sample, id, change) {
      const dataset = catalogue.places.folder;
      const key = moveKey(dataset, id);
      return inLine(key, async () => {
        await settle(catalogue, key);
        const to = await freePath(catalogue, sample, id, change.to);
        const move: Move = { dataset, id, from: sample.path, to, change };
        const moved = await complete(catalogue, key, move, await database.put(key, move));
        if (moved) return moved;
        throw new BoxError('not_found', `Cannot relabel ${sample.path}: it is gone`);
      });
    },
    settle(catalogue, id) {
      const key = moveKey(catalogue.places.folder, id);
      return inLine(key, () => settle(catalogue, key));
    },
    async recover(olderThanMs) {
      const end = Date.now() - olderThanMs;
      const moves = (await database.list(PREFIX)).map(readMove).filter(({ change }) => Date.parse(change.at) <= end);
      const ends = await Promise.allSettled(moves.map(recoverOne));
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed) throw failed.reason;
      return moves.length;
    },
    history: async ({ places }, id) => readChanges((await database.get(historyKey(places.folder, id)))?.changes),
  };
}

async function getOrNothing(store: BlobStore, key: string): Promise<Blob | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (error instanceof BoxError && error.code === 'not_found') return undefined;
    throw error;
  }
}

function moveKey(dataset: string, id: string): string {
  return `${PREFIX}${dataset}:${id}`;
}

function historyKey(dataset: string, id: string): string {
  return `history:${dataset}:${id}`;
}

function readMove(value: object): Move {
  const { dataset, id, from, to, change } = value as Partial<Record<keyof Move, unknown>>;
  const texts = [dataset, id, from, to].every((text) => typeof text === 'string');
  const [read] = readChanges([change]);
  if (!texts || !read) throw new BoxError('internal', 'Cannot read a relabelling: it must be one of ours');
  return { dataset, id, from, to, change: read } as Move;
}

function readChanges(value: unknown): LabelChange[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isChange);
}

function isChange(value: unknown): value is LabelChange {
  if (typeof value !== 'object' || value === null) return false;
  const { at, by, from, to } = value as Partial<Record<keyof LabelChange, unknown>>;
  return [at, by, from, to].every((text) => typeof text === 'string');
}
