import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { NotificationRule, ScenarioRecord } from '#lib/scenario/scenario.ts';

/** A scenario with nothing but rules. */
export function rulesRecord(
  id: string,
  rules: readonly NotificationRule[],
  more: Partial<ScenarioRecord> & { inTopic?: string; outTopic?: string } = {},
): ScenarioRecord {
  const { inTopic = `${id}-in`, outTopic = `${id}-out`, ...rest } = more;
  const at = '2026-01-01T00:00:00.000Z';
  return {
    id,
    rev: '1-a',
    paused: false,
    createdAt: at,
    updatedAt: at,
    scenario: {
      _id: id,
      scenario_name: id,
      scenario_definition: { notification_definition: { in_topic: inTopic, out_topic: outTopic, rules } },
    },
    ...rest,
  };
}

const SCORE = "prediction['score'].data[0]";

/** Rules of every kind, one without a memory among them. */
export const STORM_RULES: readonly NotificationRule[] = [
  { rule_name: 'plain', rule_content: `${SCORE} > 0.97`, notification_id: 'plain' },
  {
    rule_name: 'change',
    rule_content: `${SCORE} > 0.8`,
    notification_id: 'change',
    notify_on: 'change',
    resolve: true,
  },
  {
    rule_name: 'steady',
    rule_content: `${SCORE} > 0.6`,
    clear_content: `${SCORE} < 0.3`,
    notification_id: 'change',
    notify_on: 'change',
    for_count: 3,
    for_seconds: 1,
    resolve: true,
    message: "{source}: {prediction['score'].data[0]:.2f}",
  },
  { rule_name: 'seldom', rule_content: `${SCORE} > 0.5`, notification_id: 'seldom', cooldown_seconds: 20 },
  {
    rule_name: 'halls',
    rule_content: `${SCORE} > 0.7`,
    notification_id: 'halls',
    group_by: "source.split('-')[0]",
    notify_on: 'change',
    cooldown_seconds: 5,
    resolve_after_seconds: 600,
    severity: 'warning',
  },
];

/** Predictions of 25 sources in five halls, whose scores wander; the last of each source is 0. The same in each run. */
export function stormEvents(count: number): CloudEvent[] {
  let seed = 7;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const scores = new Map<string, number>();
  const start = Date.parse('2026-01-01T00:00:00Z');
  return Array.from({ length: count }, (_, i): CloudEvent => {
    const isLast = i >= count - 25;
    const number = isLast ? count - 1 - i : Math.floor(random() * 25);
    const source = `hall${number % 5}-${number}`;
    const score = isLast ? 0 : Math.min(1, Math.max(0, (scores.get(source) ?? 0.5) + (random() - 0.5) * 0.5));
    scores.set(source, score);
    return {
      specversion: '1.0',
      id: `e${i}`,
      source,
      type: 'thebox.prediction',
      time: new Date(start + i * 40 + (isLast ? 60_000 : 0)).toISOString(),
      correlationid: `c${i}`,
      data: { correlation_id: `c${i}`, prediction_data: { score: { data: [Math.round(score * 1000) / 1000] } } },
    };
  });
}

/** What matters of a notification: everything but when it was made. */
export function essence(event: { readonly id: string; readonly source: string; readonly data?: unknown }): string {
  const { time_stamp: _, ...body } = event.data as Record<string, unknown>;
  return JSON.stringify([event.id, event.source, body]);
}
