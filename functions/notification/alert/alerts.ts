import { subjectToken } from '#lib/bus/subjects.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import type { Alert, AlertAction, Episode, GroupState, Mark } from '../when/group-state.ts';
import { type KeptGroup, readKeptGroup } from '../when/kept-group.ts';
import { type AlertState, type AlertView, alertPlace, endedNow, openAlert, resolvedAlert } from './alert.ts';
import type { PastAlerts } from './past-alerts.ts';

export interface AlertsParts {
  readonly store: StateStore;
  readonly past: PastAlerts;
  /** Sets the timer of a group, which says that a snooze is over. */
  readonly setTimer: (scenarioId: string, token: string, at: string) => Promise<void>;
  readonly now?: () => number;
}

export interface AlertFilter {
  readonly scenario: string;
  readonly state?: AlertState;
  readonly limit: number;
}

/** What somebody says of an alert. */
export interface Word {
  readonly by: string;
  readonly note?: string;
}

/** Alerts: those that are open, and those that are over for as long as they are kept. */
export interface Alerts {
  /** The newest first. */
  list(filter: AlertFilter): Promise<readonly AlertView[]>;
  /** @throws BoxError `not_found`. */
  get(id: string): Promise<AlertView>;
  /** No notifications any more until it resolves. @throws BoxError `not_found`, `conflict` when it is over. */
  acknowledge(id: string, word: Word): Promise<AlertView>;
  /** No notifications until then. @throws as `acknowledge` does. */
  snooze(id: string, word: Word, until: number): Promise<AlertView>;
  /** It is over; the next message that its rule holds for opens another. @throws as `acknowledge` does. */
  resolve(id: string, word: Word): Promise<AlertView>;
}

const MAX_TRIES = 8;
const MAX_HISTORY = 50;

/** Opens the alerts over the state of the rules that make them. */
export function openAlerts({ store, past, setTimer, now = Date.now }: AlertsParts): Alerts {
  const find = async (id: string) => {
    const place = alertPlace(id);
    if (place === undefined) throw notFound(id);
    const { value, revision } = (await store.load([place.key])).get(place.key) ?? { value: undefined, revision: 0 };
    const kept = readKeptGroup(value);
    const isOpen = kept?.state.episode?.alert !== undefined && kept.state.episode.sequence === place.sequence;
    return { place, kept: isOpen ? kept : undefined, revision };
  };

  /** Changes an open alert; another writer meanwhile makes it look again. */
  const change = async (id: string, make: (open: OpenAlert, at: number) => Change): Promise<AlertView> => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const { place, kept, revision } = await find(id);
      const { episode } = kept?.state ?? {};
      if (kept === undefined || episode?.alert === undefined) throw await overOrUnknown(id);
      const at = now();
      const changed = make({ key: place.key, kept, episode, alert: episode.alert }, at);
      if (changed.ended !== undefined) await past.keep([changed.ended]);
      const [outcome] = await store.save([{ key: place.key, value: changed.kept, revision }]);
      if (outcome !== 'written') continue;
      if (changed.kept.wakeOn !== undefined && changed.kept.wakeOn !== kept.wakeOn) {
        await setTimer(place.scenario, place.key.slice(subjectToken(place.scenario).length + 1), changed.kept.wakeOn);
      }
      return changed.ended ?? viewOf(place.key, changed.kept, at);
    }
    throw new BoxError('conflict', `Cannot change alert ${id}: others write it all the time`, { retryAfterSeconds: 1 });
  };

  const overOrUnknown = async (id: string): Promise<BoxError> => {
    const over = await past.get(id);
    return over === undefined ? notFound(id) : new BoxError('conflict', `Cannot change alert ${id}: it is resolved`);
  };

  return {
    async list({ scenario, state, limit }) {
      const prefix = subjectToken(scenario);
      const open = state === 'resolved' ? [] : alertsOf(await store.list(prefix), now());
      const over = state === undefined || state === 'resolved' ? await past.list(prefix) : [];
      return [...open, ...over]
        .filter((alert) => state === undefined || alert.state === state)
        .sort((a, b) => b.opened_at.localeCompare(a.opened_at) || a.id.localeCompare(b.id))
        .slice(0, limit);
    },
    async get(id) {
      const { place, kept } = await find(id);
      const view = kept === undefined ? await past.get(id) : openAlert(place.key, kept, now());
      if (view === undefined) throw notFound(id);
      return view;
    },
    acknowledge: (id, word) =>
      change(id, (open, at) => marked(open, { action: 'acknowledged', at, ...word }, { state: 'acknowledged' })),
    snooze: (id, word, until) =>
      change(id, (open, at) => marked(open, { action: 'snoozed', at, until, ...word }, { state: 'snoozed', until })),
    resolve: (id, word) => change(id, (open, at) => resolved(open, { action: 'resolved', at, ...word })),
  };
}

interface OpenAlert {
  readonly key: string;
  readonly kept: KeptGroup;
  readonly episode: Episode;
  readonly alert: Alert;
}

interface Change {
  readonly kept: KeptGroup;
  readonly ended?: AlertView;
}

function alertsOf(kept: ReadonlyMap<string, { readonly value: unknown }>, now: number): AlertView[] {
  return [...kept].flatMap(([key, { value }]) => {
    const group = readKeptGroup(value);
    return (group && openAlert(key, group, now)) ?? [];
  });
}

function withAction(alert: Alert, action: AlertAction): Alert {
  return { ...alert, history: [...alert.history.slice(1 - MAX_HISTORY), action] };
}

function marked({ kept, episode, alert }: OpenAlert, action: AlertAction, mark: Mark): Change {
  const { wakeAt, ...rest } = kept.state;
  const dues = [wakeAt, mark.until].filter((due) => due !== undefined);
  const wake = dues.length === 0 ? undefined : Math.min(...dues);
  const state: GroupState = {
    ...rest,
    ...(wake !== undefined && { wakeAt: wake }),
    episode: { ...episode, alert: { ...withAction(alert, action), mark } },
  };
  const { wakeOn, ...others } = kept;
  // Of the timer that was asked for already the time stays; a snooze's is the wall's own.
  const on = wake === undefined ? undefined : wake === wakeAt ? wakeOn : new Date(wake).toISOString();
  return { kept: { ...others, state, ...(on !== undefined && { wakeOn: on }) } };
}

function resolved({ key, kept, episode, alert }: OpenAlert, action: AlertAction): Change {
  const { episode: _, wakeAt: __, ...rest } = kept.state;
  const { wakeOn: ___, ...others } = kept;
  const ended = endedNow({ ...episode, alert: withAction(alert, action) }, action.at);
  return {
    kept: { ...others, state: { ...rest, phase: 'idle' } },
    ...(ended && { ended: resolvedAlert(key, kept.rule, kept.group, ended) }),
  };
}

function viewOf(key: string, kept: KeptGroup, now: number): AlertView {
  const view = openAlert(key, kept, now);
  if (view === undefined) throw new BoxError('internal', `Cannot show alert of ${key}: it has none`);
  return view;
}

function notFound(id: string): BoxError {
  return new BoxError('not_found', `Cannot find alert ${id}: there is none, or it is too long over`);
}
