import type { Quarantine } from '#lib/bus/quarantine.ts';
import { BoxError } from '#lib/error/box-error.ts';
import { checkDataDescriptor } from '#lib/feature/data-descriptor.ts';
import { nextSourceRev } from '#lib/source/next-rev.ts';
import { checkSourceId, parseSource } from '#lib/source/parse-source.ts';
import type { Source, SourceRecord } from '#lib/source/source.ts';
import type { SourceStore } from '#lib/source/source-store.ts';
import { makeToken } from '#lib/source/token.ts';
import { openMutex } from './mutex.ts';
import type { Precondition } from './precondition.ts';

export interface SourcesParts {
  readonly store: SourceStore;
  readonly quarantine: () => Promise<Quarantine>;
  /** Tells whoever keeps sources in memory that one is another now. */
  readonly tellChanged: (id: string) => Promise<void>;
}

export interface PutSource {
  readonly record: SourceRecord;
  readonly created: boolean;
  /** The token, when one was made: it is not kept and cannot be shown again. */
  readonly token?: string;
}

/** What one may do with sources. `value` is a document from outside, not checked yet. */
export interface Sources {
  list(): Promise<readonly SourceRecord[]>;
  /** @throws BoxError `not_found`. */
  get(id: string): Promise<SourceRecord>;
  /**
   * Makes or replaces a source. A new one gets a token unless `wantsToken` is false; one that is there keeps what it has.
   *
   * @throws BoxError `invalid_argument`, `precondition_failed`, `conflict`.
   */
  put(id: string, value: unknown, wantsToken: boolean, precondition: Precondition): Promise<PutSource>;
  /** Gives the source another token; the one before opens nothing any more. @throws BoxError `not_found`. */
  rotate(id: string, precondition: Precondition): Promise<PutSource>;
  /** @throws BoxError `not_found`, `precondition_failed`. */
  remove(id: string, precondition: Precondition): Promise<void>;
  /**
   * Has what is in quarantine of a source processed, and makes the source known where it is not.
   *
   * @returns how many signals, and the source when it was made.
   */
  release(id: string): Promise<{ readonly released: number; readonly made?: PutSource }>;
  /** Drops what is in quarantine of a source; returns how many signals. */
  drop(id: string): Promise<number>;
}

/** Opens the sources of a store. */
export function openSources({ store, quarantine, tellChanged }: SourcesParts): Sources {
  const exclusively = openMutex();

  const write = async (id: string, change: (before: SourceRecord | undefined) => SourceChangeMade) =>
    exclusively(async (): Promise<PutSource> => {
      const before = await store.get(id);
      const { source, token } = change(before);
      const at = new Date();
      const made = token === 'new' ? makeToken(at) : undefined;
      const kept = made?.kept ?? before?.token;
      const record: SourceRecord = {
        id,
        rev: nextSourceRev(source, at.toISOString(), before?.rev),
        source,
        ...(kept !== undefined && { token: kept }),
        createdAt: before?.createdAt ?? at.toISOString(),
        updatedAt: at.toISOString(),
      };
      await store.put(record, before?.rev);
      await tellChanged(id);
      return { record, created: before === undefined, ...(made !== undefined && { token: made.token }) };
    });

  const existing = async (id: string): Promise<SourceRecord> => {
    const record = await store.get(id);
    if (record === undefined) throw new BoxError('not_found', `Cannot find source ${id}: there is none of this id`);
    return record;
  };

  const put: Sources['put'] = async (id, value, wantsToken, precondition) => {
    checkSourceId(id);
    const source = { ...reviewed(parseSource(value)), _id: id };
    return write(id, (before) => {
      precondition(before);
      return { source, token: before === undefined && wantsToken ? 'new' : 'kept' };
    });
  };

  return {
    list: () => store.list(),
    get: existing,
    put,
    rotate: (id, precondition) =>
      write(id, (before) => {
        precondition(before);
        if (before === undefined) throw new BoxError('not_found', `Cannot find source ${id}: there is none of this id`);
        return { source: before.source, token: 'new' };
      }),
    async remove(id, precondition) {
      await exclusively(async () => {
        const record = await existing(id);
        precondition(record);
        await store.delete(id, record.rev);
        await tellChanged(id);
      });
    },
    async release(id) {
      const isKnown = (await store.get(id)) !== undefined;
      // Without a token: it is to go on sending as it did.
      const made = isKnown ? undefined : await put(id, {}, false, () => undefined);
      const released = await (await quarantine()).release(id);
      return { released, ...(made !== undefined && { made }) };
    },
    drop: async (id) => (await quarantine()).drop(id),
  };
}

interface SourceChangeMade {
  readonly source: Source;
  readonly token: 'new' | 'kept';
}

function reviewed(source: Source): Source {
  if (source.data_descriptor === undefined) return source;
  const problems = checkDataDescriptor(source.data_descriptor).map(({ pointer, message }) => ({
    pointer: `/data_descriptor${pointer}`,
    message,
  }));
  const [first] = problems;
  if (first === undefined) return source;
  throw new BoxError('unprocessable', `Cannot put source: ${first.pointer} ${first.message}`, { problems });
}
