/** What a rule remembers of one group. Times are milliseconds since 1970, by the events' own clocks. */
export interface GroupState {
  /** `idle`: does not hold; `pending`: holds, but not long enough yet; `firing`: its alert is open. */
  readonly phase: 'idle' | 'pending' | 'firing';
  /** The sequence of the last message that changed anything; those up to it are not counted again. */
  readonly applied: number;
  /** The group's clock: the latest time of a message that changed anything. */
  readonly time: number;
  /** Ids of the last messages that changed anything: a sender may repeat one under another sequence. */
  readonly ids: readonly string[];
  /** What was told with which message, for as long as that message may be processed again. */
  readonly told: readonly Told[];
  /** Messages in a row that were older than the group's clock. */
  readonly lateInARow: number;
  /** When the last notification was made; the cool-down counts from there. */
  readonly notifiedAt?: number;
  /** The timer that was asked for. */
  readonly wakeAt?: number;
  /** While pending or firing. */
  readonly episode?: Episode;
}

/** From the first message that held to the one that did not. */
export interface Episode {
  /** The sequence of its first message: with rule and group, its identity. */
  readonly sequence: number;
  readonly since: number;
  /** Messages that it held for, counted up to what the rule asks for. */
  readonly count: number;
  readonly lastSeen: number;
  /** The last message that held, as far as something is still to be told of it. */
  readonly last: Context;
  /** Once it counts. */
  readonly alert?: Alert;
}

/** What a notification takes from a message when it is made without one. */
export interface Context {
  readonly correlationId: string;
  readonly source: string;
  /** The message's predictions; null where they are too large to be kept. */
  readonly data: unknown;
  readonly text?: string;
}

export interface Alert {
  readonly openedAt: number;
  /** Notifications so far. */
  readonly notifications: number;
  /** Whether a notification is still due: a cool-down or a snooze held it back. */
  readonly isDue: boolean;
  /** What somebody has said about it; while it stands there are no notifications. */
  readonly mark?: Mark;
  readonly history: readonly AlertAction[];
}

export interface Mark {
  readonly state: 'acknowledged' | 'snoozed';
  /** Until when it is snoozed. */
  readonly until?: number;
}

/** What somebody did to an alert. */
export interface AlertAction {
  readonly action: 'acknowledged' | 'snoozed' | 'resolved';
  readonly at: number;
  readonly by: string;
  readonly until?: number;
  readonly note?: string;
}

/** The notifications that a message made, by its sequence. */
export interface Told {
  readonly sequence: number;
  readonly tellings: readonly Telling[];
}

/** One notification. */
export interface Telling {
  /** `open`: it counts; `again`: it still does, after a snooze, or (with `every`) for one more message; `end`. */
  readonly kind: 'open' | 'again' | 'end';
  /** The episode's sequence. */
  readonly alert: number;
  readonly at: number;
  readonly openedAt: number;
  /** Set where time made it and not the message itself: what it tells of. */
  readonly context?: Context;
}

/** An alert that is over. */
export interface EndedAlert {
  readonly sequence: number;
  readonly alert: Alert;
  readonly at: number;
  readonly last: Context;
}

export const NEW_GROUP: GroupState = {
  phase: 'idle',
  applied: 0,
  time: 0,
  ids: [],
  told: [],
  lateInARow: 0,
};
