import type { StateStore } from '#lib/state/state-store.ts';
import type { AlertView } from './alert.ts';

/** Alerts that are over, for as long as they are kept. */
export interface PastAlerts {
  /** Keeps them; those that are kept already stay as they are. */
  keep(alerts: readonly AlertView[]): Promise<void>;
  /** Those of a scenario (below its token, or below a rule's), in no order. */
  list(prefix: string): Promise<readonly AlertView[]>;
  get(id: string): Promise<AlertView | undefined>;
  /** Forgets all of a scenario. */
  drop(prefix: string): Promise<void>;
}

/** Opens the past alerts in a store of their own, under their ids. */
export function openPastAlerts(store: StateStore, keptMs: number): PastAlerts {
  const viewOf = (value: unknown) => value as AlertView;
  return {
    async keep(alerts) {
      if (alerts.length === 0) return;
      // The same alert may come again after a crash, as it was: a conflict means that it is kept.
      const known = await store.load(alerts.map(({ id }) => id));
      const isNew = ({ id }: AlertView) => known.get(id)?.value === undefined;
      await store.save(
        alerts.filter(isNew).map((alert) => ({
          key: alert.id,
          value: alert,
          revision: known.get(alert.id)?.revision ?? 0,
          ttlMs: keptMs,
        })),
      );
    },
    list: async (prefix) => [...(await store.list(prefix)).values()].map(({ value }) => viewOf(value)),
    async get(id) {
      const value = (await store.load([id])).get(id)?.value;
      return value === undefined ? undefined : viewOf(value);
    },
    async drop(prefix) {
      const kept = await store.list(prefix);
      await store.save([...kept].map(([key, { revision }]) => ({ key, value: undefined, revision })));
    },
  };
}
