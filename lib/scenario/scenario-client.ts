import { LRUCache } from 'lru-cache';
import { BoxError, errorText } from '../error/box-error.ts';
import { askOrchestrator, type OrchestratorOptions } from '../net/ask-orchestrator.ts';
import { RECORD_CONTENT_TYPE, type ScenarioRecord } from './scenario.ts';

/** Hands a function the revision of a scenario that the connector named. */
export interface ScenarioClient {
  /**
   * The scenario at one revision, fetched once and kept.
   *
   * @throws BoxError `not_found` when the orchestrator has no such revision, `unavailable` when it does not answer.
   */
  get(id: string, rev: string): Promise<ScenarioRecord>;
  /**
   * The scenario as it is now, believed for a second. While the orchestrator is away, the last one known.
   *
   * @throws BoxError `not_found` when there is no such scenario, `unavailable` when it was never known.
   */
  current(id: string): Promise<ScenarioRecord>;
}

export interface ScenarioClientOptions extends OrchestratorOptions {
  /** Revisions that are kept (default 100). */
  readonly maxKept?: number;
  /** How long `current` is believed (default 1000). */
  readonly freshMs?: number;
}

/** Opens a client of the orchestrator's `GET /scenario/{id}[?rev=]`, through the gateway. */
export function openScenarioClient(options: ScenarioClientOptions): ScenarioClient {
  const max = options.maxKept ?? 100;
  const kept = new LRUCache<string, Promise<ScenarioRecord>>({ max });
  const fresh = new LRUCache<string, Promise<ScenarioRecord>>({ max, ttl: options.freshMs ?? 1000 });
  const lastKnown = new LRUCache<string, ScenarioRecord>({ max });
  return {
    get(id, rev) {
      const key = `${id} ${rev}`;
      const known = kept.get(key);
      if (known) return known;
      const fetched = fetchRecord(id, rev, options);
      kept.set(key, fetched);
      // A failure is not kept: the next batch asks again.
      fetched.catch(() => kept.delete(key));
      return fetched;
    },
    current(id) {
      const known = fresh.get(id);
      if (known) return known;
      const fetched = fetchCurrent(id, options, lastKnown);
      fresh.set(id, fetched);
      fetched.catch(() => fresh.delete(id));
      return fetched;
    },
  };
}

async function fetchCurrent(
  id: string,
  options: ScenarioClientOptions,
  lastKnown: LRUCache<string, ScenarioRecord>,
): Promise<ScenarioRecord> {
  try {
    const record = await fetchRecord(id, undefined, options);
    lastKnown.set(id, record);
    return record;
  } catch (error) {
    const known = lastKnown.get(id);
    if (known !== undefined && error instanceof BoxError && error.code === 'unavailable') return known;
    lastKnown.delete(id);
    throw error;
  }
}

async function fetchRecord(
  id: string,
  rev: string | undefined,
  options: ScenarioClientOptions,
): Promise<ScenarioRecord> {
  const query = rev === undefined ? '' : `?rev=${encodeURIComponent(rev)}`;
  const path = `/scenario/${encodeURIComponent(id)}${query}`;
  try {
    const record = await askOrchestrator(path, RECORD_CONTENT_TYPE, options);
    if (record !== undefined) return record as ScenarioRecord;
  } catch (error) {
    throw new BoxError('unavailable', `Cannot get scenario ${id}: ${errorText(error)}`, { cause: error });
  }
  const what = rev === undefined ? 'there is no such scenario' : `revision ${rev} is not known`;
  throw new BoxError('not_found', `Cannot get scenario ${id}: ${what}`);
}
