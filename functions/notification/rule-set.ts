import { BoxError, errorText } from '#lib/error/box-error.ts';
import { compileRule, type Rule } from '#lib/rules/compile.ts';
import type { RuleScope } from '#lib/rules/inputs/rule-scope.ts';
import { compileMessage, type Message, valueText } from '#lib/rules/message.ts';
import type { NotificationRule, ScenarioRecord } from '#lib/scenario/scenario.ts';
import { shortHash } from '#lib/state/short-hash.ts';
import { type Timing, timingOf } from './when/timing.ts';

/** A rule of a scenario, compiled. */
export interface CompiledRule {
  readonly rule: NotificationRule;
  /** What its memory is kept under: the same as long as nothing changes that it depends on. */
  readonly key: string;
  /** Undefined for a rule that needs no memory. */
  readonly timing: Timing | undefined;
  /** What the rule says of a message. @throws BoxError `unprocessable` when it cannot be evaluated on it. */
  judge(scope: RuleScope, source: string): Judgement;
}

export interface Judgement {
  readonly held: boolean;
  /** Whether it ends what held before. */
  readonly cleared: boolean;
  readonly group: string;
  /** The rule's message to people; undefined where it has none. @throws BoxError `unprocessable`. */
  text(): string | undefined;
}

/**
 * Compiles the rules of a scenario, once per revision.
 *
 * @throws BoxError `unprocessable` that names the rule which does not parse, or when there is no notification stage.
 */
export function openRuleSet(record: ScenarioRecord): readonly CompiledRule[] {
  const definition = record.scenario.scenario_definition.notification_definition;
  if (definition === undefined) {
    throw new BoxError(
      'unprocessable',
      `Cannot notify for scenario ${record.id}: revision ${record.rev} has no notification stage`,
    );
  }
  const keys = new Set<string>();
  return definition.rules.map((rule) => {
    let key = keyOf(rule, record.createdAt, 0);
    for (let twin = 1; keys.has(key); twin++) key = keyOf(rule, record.createdAt, twin);
    keys.add(key);
    return compile(rule, key);
  });
}

/**
 * A scenario that is removed and put anew begins anew, and so does a rule of which something is changed that its state
 * depends on. Its texts, its severity and whether its end is told may change.
 */
function keyOf(rule: NotificationRule, createdAt: string, twin: number): string {
  const { rule_name, rule_content, clear_content, group_by, notification_id } = rule;
  const { notify_on, for_seconds, for_count, cooldown_seconds, resolve_after_seconds } = rule;
  const options = [notify_on, for_seconds, for_count, cooldown_seconds, resolve_after_seconds];
  return shortHash([createdAt, rule_name, rule_content, clear_content, group_by, notification_id, options, twin]);
}

function compile(rule: NotificationRule, key: string): CompiledRule {
  const content = compiled(rule, 'rule_content', compileRule);
  const clear = compiled(rule, 'clear_content', compileRule);
  const group = compiled(rule, 'group_by', compileRule);
  const message = compiled(rule, 'message', compileMessage);
  if (content === undefined) throw new BoxError('unprocessable', `Cannot compile rule ${rule.rule_name}: it is empty`);
  return {
    rule,
    key,
    timing: timingOf(rule),
    judge: (scope, source) => judge({ content, clear, group, message }, scope, source),
  };
}

function compiled<T>(
  rule: NotificationRule,
  field: 'rule_content' | 'clear_content' | 'group_by' | 'message',
  compileField: (source: string) => T,
): T | undefined {
  const source = rule[field];
  if (source === undefined) return undefined;
  try {
    return compileField(source);
  } catch (cause) {
    const text = `Cannot compile ${field} of rule ${rule.rule_name}: ${errorText(cause)}`;
    throw new BoxError('unprocessable', text, { cause });
  }
}

interface Programs {
  readonly content: Rule;
  readonly clear: Rule | undefined;
  readonly group: Rule | undefined;
  readonly message: Message | undefined;
}

function judge({ content, clear, group, message }: Programs, scope: RuleScope, source: string): Judgement {
  const held = content.evaluate(scope).truthy;
  return {
    held,
    cleared: !held && (clear === undefined || clear.evaluate(scope).truthy),
    group: group === undefined ? source : valueText(group.compute(scope).value),
    text: () => message?.render(scope),
  };
}
