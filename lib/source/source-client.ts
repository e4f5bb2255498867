import { LRUCache } from 'lru-cache';
import { BoxError, errorText } from '../error/box-error.ts';
import { askOrchestrator, type OrchestratorOptions } from '../net/ask-orchestrator.ts';
import { SOURCE_RECORD_CONTENT_TYPE, type SourceRecord } from './source.ts';

/** Tells a function of the sources that the orchestrator knows. */
export interface SourceClient {
  /**
   * The source as it is now, undefined when there is none; believed for half a minute, unless it is told to have changed.
   * While the orchestrator is away, the last that was known.
   *
   * @throws BoxError `unavailable` when nothing is known and the orchestrator does not answer.
   */
  get(id: string): Promise<SourceRecord | undefined>;
  /** The source has changed: it is asked for again. */
  changed(id: string): void;
  /** News may have been missed: every source is asked for again. */
  missedNews(): void;
}

export interface SourceClientOptions extends OrchestratorOptions {
  /** Sources that are kept (default 10,000). */
  readonly maxKept?: number;
}

/** The orchestrator tells of changes at once; this is for news that never came. */
const FRESH_MS = 30_000;

/** What was found of a source: none is known as well as one. */
interface Found {
  readonly record: SourceRecord | undefined;
}

/** Opens a client of the orchestrator's `GET /source/{id}`, through the gateway. */
export function openSourceClient(options: SourceClientOptions): SourceClient {
  const max = options.maxKept ?? 10_000;
  const fresh = new LRUCache<string, Promise<Found>>({ max, ttl: FRESH_MS });
  const lastKnown = new LRUCache<string, Found>({ max });

  const fetched = async (id: string): Promise<Found> => {
    try {
      const found = { record: await fetchSource(id, options) };
      lastKnown.set(id, found);
      return found;
    } catch (error) {
      const known = lastKnown.get(id);
      if (known !== undefined) return known;
      throw error;
    }
  };
  return {
    async get(id) {
      const known = fresh.get(id) ?? fetched(id);
      fresh.set(id, known, { noUpdateTTL: true });
      known.catch(() => fresh.delete(id));
      return (await known).record;
    },
    changed: (id) => {
      fresh.delete(id);
    },
    missedNews: () => fresh.clear(),
  };
}

async function fetchSource(id: string, options: SourceClientOptions): Promise<SourceRecord | undefined> {
  try {
    const record = await askOrchestrator(`/source/${encodeURIComponent(id)}`, SOURCE_RECORD_CONTENT_TYPE, options);
    if (record === undefined || isRecord(record)) return record;
    throw new Error('the orchestrator answered what is no source');
  } catch (cause) {
    throw new BoxError('unavailable', `Cannot get source ${id}: ${errorText(cause)}`, { cause, retryAfterSeconds: 1 });
  }
}

/** The orchestrator parses before it keeps one: that it is one of them is enough to know. */
function isRecord(value: unknown): value is SourceRecord {
  return typeof value === 'object' && value !== null && 'rev' in value && 'source' in value;
}
