import type { NotificationRule } from '#lib/scenario/scenario.ts';

/** When a rule that holds makes a notification. */
export interface Timing {
  /** `every`: with each message while it holds; `change`: once, when it begins to. */
  readonly notifyOn: 'every' | 'change';
  /** The rule must have held for so long, and for so many messages, before it counts. */
  readonly forMs: number;
  readonly forCount: number;
  /** After a notification there is none for so long. */
  readonly cooldownMs: number;
  /** The end is told as well. */
  readonly tellsEnd: boolean;
  /** It ends by itself after so long without a message. */
  readonly resolveAfterMs: number | undefined;
}

/** A rule's timing; undefined for a rule that needs no memory: each message is judged by itself. */
export function timingOf(rule: NotificationRule): Timing | undefined {
  const timing: Timing = {
    notifyOn: rule.notify_on ?? 'every',
    forMs: Math.round((rule.for_seconds ?? 0) * 1000),
    forCount: rule.for_count ?? 1,
    cooldownMs: Math.round((rule.cooldown_seconds ?? 0) * 1000),
    tellsEnd: rule.resolve ?? false,
    resolveAfterMs:
      rule.resolve_after_seconds === undefined ? undefined : Math.round(rule.resolve_after_seconds * 1000),
  };
  const isPlain =
    timing.notifyOn === 'every' &&
    timing.forMs === 0 &&
    timing.forCount === 1 &&
    timing.cooldownMs === 0 &&
    !timing.tellsEnd &&
    timing.resolveAfterMs === undefined &&
    rule.clear_content === undefined;
  return isPlain ? undefined : timing;
}
