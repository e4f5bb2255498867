import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import { type EventBatch, settleEach } from '#lib/function/event-batch.ts';
import type { NotificationBody } from '#lib/message/body.ts';
import { type CloudEvent, correlationIdOf, EVENT_TYPE } from '#lib/message/cloud-event.ts';
import type { FunctionAnswer } from '#lib/message/function-answer.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { parsePrediction } from './prediction.ts';
import { openRuleSet, type RuleFailure, type RuleSet } from './rule-set.ts';

export interface NotifierParts {
  readonly scenarios: ScenarioClient;
  /** Told of each rule that failed on a message, with the message's id. */
  readonly onRuleFailure: (scenarioId: string, eventId: string, failure: RuleFailure) => void;
  readonly now?: () => Date;
}

/** Turns predictions into notifications. */
export interface Notifier {
  process(batch: EventBatch): Promise<FunctionAnswer>;
}

/** Opens the notifier: rules are compiled once per revision of a scenario and kept. */
export function openNotifier(parts: NotifierParts): Notifier {
  const ruleSets = new LRUCache<string, RuleSet>({ max: 100 });
  const now = parts.now ?? (() => new Date());
  const ruleSetOf = (record: ScenarioRecord): RuleSet => {
    const key = `${record.id} ${record.rev}`;
    const known = ruleSets.get(key);
    if (known) return known;
    const definition = record.scenario.scenario_definition.notification_definition;
    if (!definition) {
      throw new BoxError(
        'unprocessable',
        `Cannot notify for scenario ${record.id}: revision ${record.rev} has no notification stage`,
      );
    }
    const ruleSet = openRuleSet(definition);
    ruleSets.set(key, ruleSet);
    return ruleSet;
  };
  return {
    async process(batch) {
      const record = await parts.scenarios.get(batch.scenarioId, batch.rev);
      const ruleSet = ruleSetOf(record);
      const stamp = now().toISOString();
      return {
        results: await settleEach(batch.events, (event) => notifications(event, record.id, ruleSet, stamp, parts)),
      };
    },
  };
}

function notifications(
  event: CloudEvent,
  scenarioId: string,
  ruleSet: RuleSet,
  stamp: string,
  parts: NotifierParts,
): CloudEvent[] {
  const prediction = parsePrediction(event);
  const { holding, errors } = ruleSet.evaluate({
    prediction: prediction.prediction_data,
    source: event.source,
    ...(event.time !== undefined && { time: Date.parse(event.time) / 1000 }),
  });
  for (const failure of errors) parts.onRuleFailure(scenarioId, event.id, failure);
  return Array.from(holding, ([notificationId, rules]) => {
    const body: NotificationBody = {
      correlation_id: prediction.correlation_id,
      notification_id: notificationId,
      notification_data: prediction.prediction_data,
      time_stamp: stamp,
      scenario: scenarioId,
      source: event.source,
      rules: rules.map((rule) => rule.rule_name),
    };
    return {
      specversion: '1.0',
      id: `${event.id}.${notificationId}`,
      source: event.source,
      type: EVENT_TYPE.notification,
      time: stamp,
      datacontenttype: 'application/json',
      correlationid: correlationIdOf(event),
      ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
      data: body,
    };
  });
}
