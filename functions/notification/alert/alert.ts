import { subjectToken, tokenText } from '#lib/bus/subjects.ts';
import type { AlertAction, EndedAlert, Episode } from '../when/group-state.ts';
import type { KeptGroup } from '../when/kept-group.ts';

export const ALERT_STATES = ['open', 'acknowledged', 'snoozed', 'resolved'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

/** An alert as callers see it. Times are RFC 3339. */
export interface AlertView {
  readonly id: string;
  readonly scenario: string;
  readonly rule: string;
  readonly group: string;
  readonly state: AlertState;
  readonly opened_at: string;
  readonly resolved_at?: string;
  /** Until when it is snoozed. */
  readonly until?: string;
  /** Notifications that were made of it. */
  readonly notifications: number;
  /** The signal that it goes back to last. */
  readonly correlation_id: string;
  readonly message?: string;
  /** Who did what, the oldest first. */
  readonly history: readonly ActionView[];
}

export interface ActionView {
  readonly action: AlertAction['action'];
  readonly at: string;
  readonly by: string;
  readonly until?: string;
  readonly note?: string;
}

/** An alert's id: the key of its group and the sequence of the message with which it began. */
export function alertId(key: string, sequence: number): string {
  return `${key}.${sequence}`;
}

export interface AlertPlace {
  readonly scenario: string;
  readonly key: string;
  readonly sequence: number;
}

/** Where an alert of this id is kept; undefined for a text that is no id. */
export function alertPlace(id: string): AlertPlace | undefined {
  const found = /^((?:[\w-]|=[0-9A-F]{2})+|=)\.([0-9a-f]{20}\.[0-9a-f]{20})\.([1-9]\d{0,15})$/.exec(id);
  if (found === null) return undefined;
  const [, token = '', group = '', sequence] = found;
  return { scenario: tokenText(token), key: `${token}.${group}`, sequence: Number(sequence) };
}

/** The alert of a group at this time (milliseconds since 1970); undefined when none is open. */
export function openAlert(key: string, { rule, group, state }: KeptGroup, now: number): AlertView | undefined {
  const { episode } = state;
  if (episode?.alert === undefined) return undefined;
  const { mark } = episode.alert;
  const isOver = mark?.until !== undefined && mark.until <= now;
  return {
    ...viewOf(key, rule, group, { sequence: episode.sequence, alert: episode.alert, last: episode.last }),
    state: mark === undefined || isOver ? 'open' : mark.state,
    ...(mark?.until !== undefined && !isOver && { until: iso(mark.until) }),
  };
}

/** An alert that is over. */
export function resolvedAlert(key: string, rule: string, group: string, ended: EndedAlert): AlertView {
  return { ...viewOf(key, rule, group, ended), state: 'resolved', resolved_at: iso(ended.at) };
}

function viewOf(
  key: string,
  rule: string,
  group: string,
  { sequence, alert, last }: Pick<EndedAlert, 'sequence' | 'alert' | 'last'>,
): Omit<AlertView, 'state'> {
  return {
    id: alertId(key, sequence),
    scenario: tokenText(key.split('.', 1)[0] ?? subjectToken('')),
    rule,
    group,
    opened_at: iso(alert.openedAt),
    notifications: alert.notifications,
    correlation_id: last.correlationId,
    ...(last.text !== undefined && { message: last.text }),
    history: alert.history.map(({ at, until, ...action }) => ({
      ...action,
      at: iso(at),
      ...(until !== undefined && { until: iso(until) }),
    })),
  };
}

/** The open alert of an episode as one that ends now. */
export function endedNow(episode: Episode, at: number): EndedAlert | undefined {
  const { alert, sequence, last } = episode;
  return alert === undefined ? undefined : { sequence, alert, at, last };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
