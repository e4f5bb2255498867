import { advance, type Draft, draftOf, end, nextDue, open, tell } from './advance.ts';
import type { Context, EndedAlert, Episode, GroupState, Telling } from './group-state.ts';
import type { Timing } from './timing.ts';

/** What a group learns of: a message, or that a timer's time has come. */
export type Input = MessageInput | TimerInput;

export interface MessageInput {
  readonly kind: 'message';
  /** Its place in the stream. */
  readonly sequence: number;
  readonly id: string;
  /** The message's own time. */
  readonly time: number;
  readonly held: boolean;
  /** Whether it ends what held before; a message may do neither (hysteresis). What holds does not end. */
  readonly cleared: boolean;
  readonly context: Context;
}

/** The timer that was asked for has come. */
export interface TimerInput {
  readonly kind: 'timer';
  readonly sequence: number;
  /** What it was asked for: the state's `wakeAt`. */
  readonly time: number;
}

export interface Step {
  /** The very same object when the input changed nothing: then there is nothing to write. */
  readonly state: GroupState;
  readonly tellings: readonly Telling[];
  readonly ended: readonly EndedAlert[];
  /**
   * After how long a timer is wanted, for the state's `wakeAt`; undefined when none is, or the one that was asked for will
   * do. A duration and not a time: messages may come long after their own time, and silence is measured where they arrive.
   */
  readonly wakeInMs?: number;
  /** Why a message was not counted. */
  readonly ignored?: 'processed' | 'repeated' | 'late';
}

/** How far a message may be behind the group's clock and still count, at the clock's time. */
export const LATE_MS = 60_000;
/** The late message in a row with which the clock is believed to have been set back. */
export const LATE_IN_A_ROW = 10;
const IDS_KEPT = 32;
/** A timer that is so long overdue was lost. */
const TIMER_LOST_MS = 60_000;

/**
 * The whole of a rule's memory: what a group is after an input, and what is to be told. It looks at nothing but its
 * arguments. Inputs come in the order of their sequences; one that was applied already gives what it gave before. What
 * time brings about happens at its own time, whether a timer says so or the next message shows it.
 */
export function step(state: GroupState, timing: Timing, input: Input): Step {
  if (input.sequence <= state.applied) return processed(state, input.sequence);
  return input.kind === 'timer' ? timerStep(state, timing, input) : messageStep(state, timing, input);
}

/** Drops what was told with messages before `sequence`, which will not come again, but for the last few. */
export function forgetTold(state: GroupState, sequence: number): GroupState {
  const kept = state.told.filter((told, i) => told.sequence >= sequence || i >= state.told.length - TOLD_KEPT);
  return kept.length === state.told.length ? state : { ...state, told: kept };
}

/** Servers that cannot reset a consumer bring what was in flight at a crash after newer messages. */
const TOLD_KEPT = 16;

function processed(state: GroupState, sequence: number): Step {
  const tellings = state.told.find((told) => told.sequence === sequence)?.tellings ?? [];
  return { state, tellings, ended: [], ignored: 'processed' };
}

function timerStep(state: GroupState, timing: Timing, input: TimerInput): Step {
  const draft = advance(state, timing, input.time);
  const { wakeAt } = state;
  const isOurs = wakeAt !== undefined && wakeAt <= input.time;
  if (draft.state === state && !isOurs) return { state, tellings: [], ended: [] };
  const { wakeAt: _, ...rest } = draft.state;
  const time = draft.state === state ? state.time : Math.max(state.time, input.time);
  return settled({ ...draft, state: { ...rest, time } }, timing, input, Math.max(state.time, input.time));
}

function messageStep(state: GroupState, timing: Timing, input: MessageInput): Step {
  if (state.ids.includes(input.id)) return { state, tellings: [], ended: [], ignored: 'repeated' };
  const isLate = input.time < state.time - LATE_MS;
  if (isLate && state.lateInARow + 1 < LATE_IN_A_ROW) {
    const late = { ...state, lateInARow: state.lateInARow + 1 };
    return { ...settled(draftOf(late), timing, input, state.time), ignored: 'late' };
  }
  const onTime = isLate ? setBack(state, input.time) : state;
  const base = onTime.lateInARow === 0 ? onTime : { ...onTime, lateInARow: 0 };
  const time = Math.max(base.time, input.time);
  const draft = applyMessage(advance(base, timing, time), timing, input, time);
  if (draft.state === state) return { state, tellings: [], ended: [] };
  return settled({ ...draft, state: { ...draft.state, time } }, timing, input, time);
}

/** A clock that was set back: what was to come later counts from now. */
function setBack(state: GroupState, time: number): GroupState {
  const { episode } = state;
  return {
    ...state,
    time,
    ...(state.notifiedAt !== undefined && { notifiedAt: Math.min(state.notifiedAt, time) }),
    ...(episode && {
      episode: { ...episode, since: Math.min(episode.since, time), lastSeen: Math.min(episode.lastSeen, time) },
    }),
  };
}

function applyMessage(draft: Draft, timing: Timing, input: MessageInput, time: number): Draft {
  const { episode } = draft.state;
  const holds = input.held || (episode !== undefined && !input.cleared);
  if (!holds) return episode === undefined ? draft : end(draft, timing, time);
  if (episode === undefined) return begin(draft, timing, input, time);
  return episode.alert === undefined ? hold(draft, timing, input, time) : keepFiring(draft, timing, input, time);
}

function begin(draft: Draft, timing: Timing, input: MessageInput, time: number): Draft {
  const { sequence, context: last } = input;
  const episode: Episode = { sequence, since: time, count: 1, lastSeen: time, last };
  return openWhenDue({ ...draft, state: { ...draft.state, phase: 'pending', episode } }, timing, time);
}

function hold(draft: Draft, timing: Timing, input: MessageInput, time: number): Draft {
  const { episode } = draft.state;
  if (episode === undefined) return draft;
  const held: Episode = {
    ...episode,
    count: Math.min(episode.count + 1, timing.forCount),
    lastSeen: time,
    last: input.held ? input.context : episode.last,
  };
  return openWhenDue({ ...draft, state: { ...draft.state, episode: held } }, timing, time);
}

function openWhenDue(draft: Draft, timing: Timing, time: number): Draft {
  const { episode } = draft.state;
  if (episode === undefined || episode.count < timing.forCount || time < episode.since + timing.forMs) return draft;
  return open(draft, timing, time);
}

function keepFiring(draft: Draft, timing: Timing, input: MessageInput, time: number): Draft {
  const { episode } = draft.state;
  if (episode?.alert === undefined) return draft;
  // Only what is looked at later is kept up to date: a rule that fires on and on writes nothing.
  const isWatched = timing.resolveAfterMs !== undefined || (timing.notifyOn === 'change' && episode.alert.isDue);
  const seen = { ...episode, lastSeen: time, last: input.held ? input.context : episode.last };
  const next = isWatched ? { ...draft, state: { ...draft.state, episode: seen } } : draft;
  return timing.notifyOn === 'every' ? tell(next, timing, time) : next;
}

/** A state that changed: it knows the input from now on, and asks for the timer that it needs. `clock` is now. */
function settled(draft: Draft, timing: Timing, input: Input, clock: number): Step {
  const { state, tellings, ended } = draft;
  const { wakeAt: asked, ...rest } = state;
  const due = nextDue(state, timing);
  const isAsked = asked !== undefined && due !== undefined && asked <= due && asked + TIMER_LOST_MS > clock;
  const wakeAt = isAsked ? asked : due;
  return {
    state: {
      ...rest,
      applied: input.sequence,
      ids: input.kind === 'message' ? [...state.ids.slice(1 - IDS_KEPT), input.id] : state.ids,
      told: tellings.length === 0 ? state.told : [...state.told, { sequence: input.sequence, tellings }],
      ...(wakeAt !== undefined && { wakeAt }),
    },
    tellings,
    ended,
    ...(wakeAt !== undefined && !isAsked && { wakeInMs: Math.max(0, wakeAt - clock) }),
  };
}
