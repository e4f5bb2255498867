import { BoxError, errorText } from '#lib/error/box-error.ts';
import { compileRule, type Rule } from '#lib/rules/compile.ts';
import { type RuleInputs, RuleScope } from '#lib/rules/inputs/rule-scope.ts';
import type { NotificationDefinition, NotificationRule } from '#lib/scenario/scenario.ts';

/** What the rules of a scenario say of one prediction. */
export interface RuleSetResult {
  /** Rules that hold, by the notification that they make, in the order of the scenario. */
  readonly holding: ReadonlyMap<string, readonly NotificationRule[]>;
  readonly errors: readonly RuleFailure[];
}

/** A rule that could not be evaluated on a prediction; the scenario's other rules go on. */
export interface RuleFailure {
  readonly rule: string;
  readonly message: string;
}

export interface RuleSet {
  evaluate(inputs: RuleInputs): RuleSetResult;
}

/**
 * Compiles the rules of a scenario, once per revision.
 *
 * @throws BoxError `unprocessable` that names the rule which does not parse.
 */
export function openRuleSet(definition: NotificationDefinition): RuleSet {
  const compiled = definition.rules.map((rule) => ({ rule, program: compile(rule) }));
  return {
    evaluate(inputs) {
      // What the rules read of the message is read once for all of them.
      const scope = new RuleScope(inputs);
      const holding = new Map<string, NotificationRule[]>();
      const errors: RuleFailure[] = [];
      for (const { rule, program } of compiled) {
        try {
          if (!program.evaluate(scope).truthy) continue;
        } catch (error) {
          if (!(error instanceof BoxError)) throw error;
          errors.push({ rule: rule.rule_name, message: error.message });
          continue;
        }
        const rules = holding.get(rule.notification_id);
        if (rules) rules.push(rule);
        else holding.set(rule.notification_id, [rule]);
      }
      return { holding, errors };
    },
  };
}

function compile(rule: NotificationRule): Rule {
  try {
    return compileRule(rule.rule_content);
  } catch (cause) {
    throw new BoxError('unprocessable', `Cannot compile rule ${rule.rule_name}: ${errorText(cause)}`, { cause });
  }
}
