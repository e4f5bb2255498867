import { BoxError } from '#lib/error/box-error.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import { NOTHING_YET, type Running } from './running-score.ts';

/** One event's values, as they were learnt. */
export interface Learnt {
  readonly id: string;
  readonly values: readonly number[];
}

/**
 * What is kept for a source: what it had been before its last batch, and that batch. A batch whose answer was lost is
 * delivered again, whole or from somewhere within: what it was learnt on is found again, and nothing is learnt twice.
 */
export interface SourceState {
  readonly before: Running;
  readonly batch: readonly Learnt[];
}

export interface LoadedSource {
  readonly state: SourceState;
  readonly revision: number;
}

/** A source that is silent for so long is forgotten. */
const FORGET_MS = 30 * 24 * 3600 * 1000;

/** The key of a source's state: words that the store takes. */
export function sourceKey(scenarioId: string, model: string, source: string): string {
  return `${scenarioId}.${model}.${Buffer.from(source).toString('base64url')}`;
}

export async function loadSources(store: StateStore, keys: readonly string[]): Promise<Map<string, LoadedSource>> {
  const kept = await store.load(keys);
  return new Map(
    keys.map((key) => {
      const found = kept.get(key);
      // Nobody else writes here.
      const state = (found?.value as SourceState | undefined) ?? { before: NOTHING_YET, batch: [] };
      return [key, { state, revision: found?.revision ?? 0 }];
    }),
  );
}

/** @throws BoxError `conflict`, to be tried again, when another instance was first */
export async function saveSource(store: StateStore, key: string, state: SourceState, revision: number): Promise<void> {
  const [outcome] = await store.save([{ key, value: state, revision, ttlMs: FORGET_MS }]);
  if (outcome === 'conflict') {
    throw new BoxError('conflict', 'Cannot keep what the source’s values are like: another instance was first');
  }
}
