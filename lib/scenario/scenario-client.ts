import { LRUCache } from 'lru-cache';
import { request } from 'undici';
import { BoxError, errorText } from '../error/box-error.ts';
import { API_KEY_SECRET, type SecretFiles } from '../secret/secret-files.ts';
import type { ScenarioRecord } from './scenario.ts';

/** Hands a function the revision of a scenario that the connector named. */
export interface ScenarioClient {
  /**
   * The scenario at one revision, fetched once and kept.
   *
   * @throws BoxError `not_found` when the orchestrator has no such revision, `unavailable` when it does not answer.
   */
  get(id: string, rev: string): Promise<ScenarioRecord>;
}

export interface ScenarioClientOptions {
  readonly gatewayUrl: string;
  readonly secrets: SecretFiles;
  readonly timeoutMs?: number;
  /** Revisions that are kept (default 100). */
  readonly maxKept?: number;
}

/** Opens a client of the orchestrator's `GET /scenario/{id}?rev=`, through the gateway. */
export function openScenarioClient(options: ScenarioClientOptions): ScenarioClient {
  const kept = new LRUCache<string, Promise<ScenarioRecord>>({ max: options.maxKept ?? 100 });
  return {
    get(id, rev) {
      const key = `${id} ${rev}`;
      const known = kept.get(key);
      if (known) return known;
      const fetched = fetchRevision(id, rev, options);
      kept.set(key, fetched);
      // A failure is not kept: the next batch asks again.
      fetched.catch(() => kept.delete(key));
      return fetched;
    },
  };
}

async function fetchRevision(id: string, rev: string, options: ScenarioClientOptions): Promise<ScenarioRecord> {
  const path = `/function/orchestrator/scenario/${encodeURIComponent(id)}?rev=${encodeURIComponent(rev)}`;
  const key = await options.secrets.read(API_KEY_SECRET);
  const timeout = options.timeoutMs ?? 10_000;
  try {
    const response = await request(options.gatewayUrl + path, {
      headers: { authorization: `Bearer ${key}`, accept: 'application/vnd.thebox.scenario-record+json' },
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    const body = await response.body.text();
    if (response.statusCode === 404)
      throw new BoxError('not_found', `Cannot get scenario ${id}: revision ${rev} is not known`);
    if (response.statusCode !== 200) throw new Error(`the orchestrator answered ${response.statusCode}`);
    return JSON.parse(body) as ScenarioRecord;
  } catch (error) {
    if (error instanceof BoxError) throw error;
    throw new BoxError('unavailable', `Cannot get scenario ${id}: ${errorText(error)}`, { cause: error });
  }
}
