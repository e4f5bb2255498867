import type { Alert, Context, EndedAlert, Episode, GroupState, Telling } from './group-state.ts';
import type { Timing } from './timing.ts';

/** A state on its way, with what came of it so far. */
export interface Draft {
  readonly state: GroupState;
  readonly tellings: readonly Telling[];
  readonly ended: readonly EndedAlert[];
}

export function draftOf(state: GroupState): Draft {
  return { state, tellings: [], ended: [] };
}

/** Lets time pass up to `time`: what falls due on the way happens at its own time, the earliest first. */
export function advance(state: GroupState, timing: Timing, time: number): Draft {
  let draft = draftOf(state);
  for (let due = nextDue(draft.state, timing); due !== undefined && due <= time; due = nextDue(draft.state, timing)) {
    draft = happen(draft, timing, due);
  }
  return draft;
}

/** When time alone will change the state next; undefined when it will not. */
export function nextDue(state: GroupState, timing: Timing): number | undefined {
  const { episode } = state;
  if (episode === undefined) return undefined;
  const dues = [countsAt(episode, timing), tellableAt(state, timing), silentAt(episode, timing)];
  const known = dues.filter((due) => due !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function happen(draft: Draft, timing: Timing, at: number): Draft {
  const { episode } = draft.state;
  if (episode === undefined) return draft;
  if (countsAt(episode, timing) === at) return open(draft, timing, at, episode.last);
  if (tellableAt(draft.state, timing) === at) return tellNow(withoutMark(draft), at, episode.last);
  return end(draft, timing, at, episode.last);
}

/** When a pending episode has held long enough, if no message comes any more. */
function countsAt(episode: Episode, timing: Timing): number | undefined {
  if (episode.alert !== undefined || episode.count < timing.forCount) return undefined;
  return episode.since + timing.forMs;
}

/** When what was held back may be told: snooze and cool-down are over. Every message would tell by itself. */
function tellableAt(state: GroupState, timing: Timing): number | undefined {
  const alert = state.episode?.alert;
  if (alert === undefined || timing.notifyOn === 'every') return undefined;
  if (alert.mark?.state === 'acknowledged') return undefined;
  const snoozedUntil = alert.mark?.until;
  if (!alert.isDue && snoozedUntil === undefined) return undefined;
  return Math.max(cooledAt(state, timing), snoozedUntil ?? alert.openedAt);
}

function silentAt(episode: Episode, timing: Timing): number | undefined {
  return timing.resolveAfterMs === undefined ? undefined : episode.lastSeen + timing.resolveAfterMs;
}

function cooledAt(state: GroupState, timing: Timing): number {
  return state.notifiedAt === undefined ? Number.NEGATIVE_INFINITY : state.notifiedAt + timing.cooldownMs;
}

/** The episode counts: an alert opens, and is told unless a cool-down holds that back. `context`: time did it. */
export function open(draft: Draft, timing: Timing, at: number, context?: Context): Draft {
  const { episode } = draft.state;
  if (episode === undefined) return draft;
  const alert: Alert = { openedAt: at, notifications: 0, isDue: true, history: [] };
  const state: GroupState = { ...draft.state, phase: 'firing', episode: { ...episode, alert } };
  return tell({ ...draft, state }, timing, at, context);
}

/** Tells of an open alert, unless somebody has taken it or a cool-down is on. */
export function tell(draft: Draft, timing: Timing, at: number, context?: Context): Draft {
  const { mark } = draft.state.episode?.alert ?? {};
  const isSilenced = mark?.state === 'acknowledged' || (mark?.until !== undefined && at < mark.until);
  if (isSilenced || at < cooledAt(draft.state, timing)) return draft;
  return tellNow(withoutMark(draft), at, context);
}

function tellNow(draft: Draft, at: number, context?: Context): Draft {
  const { episode } = draft.state;
  if (episode?.alert === undefined) return draft;
  const { alert } = episode;
  const telling: Telling = {
    kind: alert.notifications === 0 ? 'open' : 'again',
    alert: episode.sequence,
    at,
    openedAt: alert.openedAt,
    ...(context !== undefined && { context }),
  };
  const told: Alert = { ...alert, notifications: alert.notifications + 1, isDue: false };
  return {
    state: { ...draft.state, notifiedAt: at, episode: { ...episode, alert: told } },
    tellings: [...draft.tellings, telling],
    ended: draft.ended,
  };
}

/** A snooze that is over is forgotten; its history stays. */
function withoutMark(draft: Draft): Draft {
  const { episode } = draft.state;
  if (episode?.alert?.mark === undefined) return draft;
  const { mark: _, ...alert } = episode.alert;
  return { ...draft, state: { ...draft.state, episode: { ...episode, alert } } };
}

/** It holds no more. The end is told where the rule asks for it and the alert itself was told. */
export function end(draft: Draft, timing: Timing, at: number, context?: Context): Draft {
  const { episode, ...rest } = draft.state;
  if (episode === undefined) return draft;
  const state: GroupState = { ...rest, phase: 'idle' };
  const { alert } = episode;
  if (alert === undefined) return { ...draft, state };
  const isTold = timing.tellsEnd && alert.notifications > 0;
  const telling: Telling = {
    kind: 'end',
    alert: episode.sequence,
    at,
    openedAt: alert.openedAt,
    ...(context !== undefined && { context }),
  };
  return {
    state,
    tellings: isTold ? [...draft.tellings, telling] : draft.tellings,
    ended: [...draft.ended, { sequence: episode.sequence, alert, at, last: episode.last }],
  };
}
