import { LRUCache } from 'lru-cache';
import { BoxError } from '#lib/error/box-error.ts';
import { type EventBatch, eventError } from '#lib/function/event-batch.ts';
import type { CloudEvent } from '#lib/message/cloud-event.ts';
import type { EventResult, FunctionAnswer, Wake } from '#lib/message/function-answer.ts';
import type { ScenarioRecord } from '#lib/scenario/scenario.ts';
import type { ScenarioClient } from '#lib/scenario/scenario-client.ts';
import { iso } from './alert/alert.ts';
import { type Reading, type RuleFailure, readEvent } from './read-event.ts';
import { type CompiledRule, openRuleSet } from './rule-set.ts';
import { applyToGroups, type GroupResult, type GroupsParts, type GroupWork } from './when/groups.ts';
import type { Step } from './when/step.ts';
import { writeNotifications } from './write-notifications.ts';

export interface NotifierParts extends GroupsParts {
  readonly scenarios: Pick<ScenarioClient, 'get'>;
  /** Told of each rule that failed on a message, with the message's id. */
  readonly onRuleFailure: (scenarioId: string, eventId: string, failure: RuleFailure) => void;
  /** Told of each message that a rule with a memory did not count, with the reason. */
  readonly onIgnored: (scenarioId: string, rule: string, reason: NonNullable<Step['ignored']>) => void;
  /** Called once for each revision of a scenario, before its first notification. */
  readonly onRevision: (record: ScenarioRecord) => Promise<void>;
  readonly now?: () => number;
}

/** Turns predictions into notifications. */
export interface Notifier {
  process(batch: EventBatch): Promise<FunctionAnswer>;
}

/** Opens the notifier: rules are compiled once per revision of a scenario and kept. */
export function openNotifier(parts: NotifierParts): Notifier {
  const ruleSets = new LRUCache<string, Promise<readonly CompiledRule[]>>({ max: 100 });
  const now = parts.now ?? Date.now;
  const ruleSetOf = (record: ScenarioRecord): Promise<readonly CompiledRule[]> => {
    const key = `${record.id} ${record.rev}`;
    const known = ruleSets.get(key);
    if (known) return known;
    const opened = prepare(record, parts);
    ruleSets.set(key, opened);
    opened.catch(() => ruleSets.delete(key));
    return opened;
  };
  return {
    async process(batch) {
      const record = await parts.scenarios.get(batch.scenarioId, batch.rev);
      return answer(batch.events, record.id, await ruleSetOf(record), now(), parts);
    },
  };
}

async function prepare(record: ScenarioRecord, parts: NotifierParts): Promise<readonly CompiledRule[]> {
  const rules = openRuleSet(record);
  await parts.onRevision(record);
  return rules;
}

async function answer(
  events: readonly CloudEvent[],
  scenarioId: string,
  rules: readonly CompiledRule[],
  now: number,
  parts: NotifierParts,
): Promise<FunctionAnswer> {
  const readings = events.map((event) => tryReading(event, rules, now));
  const groups = await judgeGroups(scenarioId, readings, now, parts);
  const stamp = iso(now);
  const results = readings.map((reading, i): EventResult => {
    const id = events[i]?.id ?? '';
    if (reading instanceof BoxError) return { id, error: eventError(reading) };
    const written = writeNotifications(reading, groups, { scenarioId, stamp });
    for (const failure of [...reading.failures, ...written.failures]) parts.onRuleFailure(scenarioId, id, failure);
    return { id, events: written.events };
  });
  const wake = [...groups].flatMap(([key, { wakeOn }]): Wake[] => (wakeOn === undefined ? [] : [{ key, at: wakeOn }]));
  return wake.length === 0 ? { results } : { results, wake };
}

function tryReading(event: CloudEvent, rules: readonly CompiledRule[], now: number): Reading | BoxError {
  try {
    return readEvent(event, rules, now);
  } catch (thrown) {
    const error = BoxError.from(thrown);
    if (error.code === 'internal') throw thrown;
    return error;
  }
}

const NO_GROUPS: ReadonlyMap<string, GroupResult> = new Map();

/** Lets the groups of rules with a memory know of the messages; without such rules nothing is loaded or kept. */
async function judgeGroups(
  scenarioId: string,
  readings: readonly (Reading | BoxError)[],
  now: number,
  parts: NotifierParts,
): Promise<ReadonlyMap<string, GroupResult>> {
  const works = new Map<string, GroupWork>();
  let first = Number.POSITIVE_INFINITY;
  for (const reading of readings) {
    if (reading instanceof BoxError) continue;
    if (reading.sequence !== undefined) first = Math.min(first, reading.sequence);
    for (const judged of reading.remembering) {
      const work = works.get(judged.token) ?? { token: judged.token, rule: judged.rule, group: undefined, inputs: [] };
      work.group ??= judged.group;
      judged.place = work.inputs.length;
      work.inputs.push({ sequence: reading.sequence, input: judged.input });
      works.set(judged.token, work);
    }
  }
  if (works.size === 0) return NO_GROUPS;
  const facts = { keepFrom: Number.isFinite(first) ? first : 0, now };
  const results = await applyToGroups(scenarioId, [...works.values()], facts, parts);
  for (const [token, { steps }] of results) {
    const rule = works.get(token)?.rule.rule.rule_name ?? '';
    for (const { ignored } of steps) if (ignored !== undefined) parts.onIgnored(scenarioId, rule, ignored);
  }
  return results;
}
