import { Counter } from 'prom-client';
import type { Environment } from '#lib/config/config.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openMetrics } from '#lib/function/metrics.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { openLog } from '#lib/log/log.ts';
import { openScenarioClient } from '#lib/scenario/scenario-client.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import { readNotificationConfig } from './config.ts';
import { openNotifier } from './notify.ts';

/** Opens function notification: predictions in, notifications out. */
export async function open(env: Environment): Promise<OpenedFunction> {
  const config = readNotificationConfig(env);
  const log = openLog('notification', config.logLevel);
  const secrets = openSecretFiles(config.secretsDir);
  const metrics = openMetrics('notification');
  const failures = new Counter({
    name: 'box_rule_errors_total',
    help: 'Rules that could not be evaluated on a message.',
    labelNames: ['scenario', 'rule'] as const,
    registers: [metrics.registry],
  });
  const notifier = openNotifier({
    scenarios: openScenarioClient({ gatewayUrl: config.gatewayUrl, secrets }),
    onRuleFailure(scenario, eventId, failure) {
      failures.labels(scenario, failure.rule).inc();
      log.warn({ scenario, eventId, rule: failure.rule }, failure.message);
    },
  });
  return openFunction({
    name: 'notification',
    log,
    secrets,
    metrics,
    processEvents: (batch) => notifier.process(batch),
  });
}
