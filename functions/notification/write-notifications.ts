import type { NotificationBody } from '#lib/message/body.ts';
import { type CloudEvent, correlationIdOf, EVENT_TYPE } from '#lib/message/cloud-event.ts';
import { SEVERITIES, type Severity } from '#lib/scenario/scenario.ts';
import { alertId, iso } from './alert/alert.ts';
import type { Judged, Reading, RuleFailure } from './read-event.ts';
import { textOf } from './read-event.ts';
import type { CompiledRule } from './rule-set.ts';
import type { Telling } from './when/group-state.ts';
import type { GroupResult } from './when/groups.ts';
import { groupKey, light } from './when/kept-group.ts';

export interface Stamp {
  readonly scenarioId: string;
  /** When the notifications are made, RFC 3339. */
  readonly stamp: string;
}

/** What one rule has to say with a notification. */
interface Part {
  readonly rule: CompiledRule;
  readonly group: string | undefined;
  readonly text: string | undefined;
  readonly alert?: AlertPart;
}

interface AlertPart {
  readonly id: string;
  readonly rule: string;
  readonly group: string;
  readonly opened_at: string;
}

/** The notifications of an event: first what time brought about before it, then one per notification id. */
export function writeNotifications(
  reading: Reading,
  groups: ReadonlyMap<string, GroupResult>,
  stamp: Stamp,
): { readonly events: readonly CloudEvent[]; readonly failures: readonly RuleFailure[] } {
  const failures: RuleFailure[] = [];
  const byTime: CloudEvent[] = [];
  const firing = new Map<string, Part[]>();
  const ended = new Map<string, Part[]>();
  for (const judged of reading.judged) {
    const { notification_id: id } = judged.rule.rule;
    if (judged.kind === 'plain') {
      add(firing, id, partOf(judged, textOf(judged.rule, judged.judgement, failures)));
      continue;
    }
    const result = groups.get(judged.token);
    for (const telling of result?.steps[judged.place]?.tellings ?? []) {
      const alert = alertPart(judged.rule, judged.token, result?.group ?? '', telling, stamp);
      if (telling.context !== undefined) {
        byTime.push(notificationByTime(judged.rule, telling, alert, reading.event, stamp));
        continue;
      }
      const text = judged.judgement && textOf(judged.rule, judged.judgement, failures);
      add(telling.kind === 'end' ? ended : firing, id, { ...partOf(judged, text), alert });
    }
  }
  return {
    events: [
      ...byTime,
      ...Array.from(firing, ([id, parts]) => notification(id, 'firing', parts, reading, stamp)),
      ...Array.from(ended, ([id, parts]) => notification(id, 'resolved', parts, reading, stamp)),
    ],
    failures,
  };
}

function add(map: Map<string, Part[]>, id: string, part: Part): void {
  const parts = map.get(id);
  if (parts) parts.push(part);
  else map.set(id, [part]);
}

function partOf({ rule, judgement }: Judged, text: string | undefined): Part {
  return { rule, text, group: rule.rule.group_by === undefined ? undefined : judgement?.group };
}

function alertPart(
  rule: CompiledRule,
  token: string,
  group: string,
  { alert, openedAt }: Telling,
  { scenarioId }: Stamp,
): AlertPart {
  const id = alertId(groupKey(scenarioId, token), alert);
  return { id, rule: rule.rule.rule_name, group, opened_at: iso(openedAt) };
}

/** Of several rules with one notification id there is one notification per message, as the original had it. */
function notification(
  notificationId: string,
  status: 'firing' | 'resolved',
  parts: readonly Part[],
  { event, prediction }: Reading,
  { scenarioId, stamp }: Stamp,
): CloudEvent {
  const body: NotificationBody = {
    correlation_id: prediction?.correlation_id ?? correlationIdOf(event),
    notification_id: notificationId,
    notification_data: prediction?.prediction_data ?? null,
    time_stamp: stamp,
    scenario: scenarioId,
    source: event.source,
    rules: parts.map(({ rule }) => rule.rule.rule_name),
    ...extras(parts, status),
  };
  const id = `${event.id}.${notificationId}${status === 'resolved' ? '.resolved' : ''}`;
  return cloudEvent(id, event.source, correlationIdOf(event), body, event);
}

/** What time brought about: there is no message, so it says what the last one that held did. */
function notificationByTime(
  rule: CompiledRule,
  telling: Telling,
  alert: AlertPart,
  event: CloudEvent,
  { scenarioId, stamp }: Stamp,
): CloudEvent {
  const context = light(telling.context ?? { correlationId: '', source: 'default', data: null });
  const group = rule.rule.group_by === undefined ? undefined : alert.group;
  const body: NotificationBody = {
    correlation_id: context.correlationId,
    notification_id: rule.rule.notification_id,
    notification_data: context.data,
    time_stamp: stamp,
    scenario: scenarioId,
    source: context.source,
    rules: [rule.rule.rule_name],
    ...extras([{ rule, group, text: context.text, alert }], telling.kind === 'end' ? 'resolved' : 'firing'),
  };
  // Not the event's id: whether a timer or the next message shows it, it is the same notification.
  const id = `${alert.id}.${telling.kind}${telling.kind === 'again' ? `-${telling.at}` : ''}`;
  return cloudEvent(id, context.source, context.correlationId, body, event);
}

/** What rules with our options add to a notification; nothing for those that have none. */
function extras(parts: readonly Part[], status: 'firing' | 'resolved'): Record<string, unknown> {
  const alerts = parts.flatMap(({ alert }) => alert ?? []);
  const texts = [...new Set(parts.flatMap(({ text }) => text ?? []))];
  const group = parts.find((part) => part.group !== undefined)?.group;
  const severity = gravest(parts.flatMap(({ rule }) => rule.rule.severity ?? []));
  return {
    ...(severity !== undefined && { severity }),
    ...(texts.length > 0 && { message: texts.join('\n') }),
    ...(group !== undefined && { group }),
    ...(alerts.length > 0 && { status, alerts }),
  };
}

function gravest(severities: readonly Severity[]): Severity | undefined {
  return SEVERITIES.findLast((severity) => severities.includes(severity));
}

function cloudEvent(
  id: string,
  source: string,
  correlationId: string,
  body: NotificationBody,
  { traceparent }: CloudEvent,
): CloudEvent {
  return {
    specversion: '1.0',
    id,
    source,
    type: EVENT_TYPE.notification,
    time: body.time_stamp,
    datacontenttype: 'application/json',
    correlationid: correlationId,
    ...(traceparent !== undefined && { traceparent }),
    data: body,
  };
}
