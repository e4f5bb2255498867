import { Counter, type Registry } from 'prom-client';

/** What the function counts beside what every function does. */
export interface NotificationMetrics {
  failed(scenario: string, rule: string): void;
  ignored(scenario: string, rule: string, reason: string): void;
  webhook(scenario: string, outcome: string): void;
}

export function openNotificationMetrics(registry: Registry): NotificationMetrics {
  const failures = new Counter({
    name: 'box_rule_errors_total',
    help: 'Rules that could not be evaluated on a message.',
    labelNames: ['scenario', 'rule'] as const,
    registers: [registry],
  });
  const ignored = new Counter({
    name: 'box_rule_messages_ignored_total',
    help: 'Messages that a rule with a memory did not count: processed before, sent twice, or late.',
    labelNames: ['scenario', 'rule', 'reason'] as const,
    registers: [registry],
  });
  const webhooks = new Counter({
    name: 'box_webhook_posts_total',
    help: 'Tries to post a notification to a webhook, by outcome: sent, failed, given_up.',
    labelNames: ['scenario', 'outcome'] as const,
    registers: [registry],
  });
  return {
    failed: (scenario, rule) => failures.labels(scenario, rule).inc(),
    ignored: (scenario, rule, reason) => ignored.labels(scenario, rule, reason).inc(),
    webhook: (scenario, outcome) => webhooks.labels(scenario, outcome).inc(),
  };
}
