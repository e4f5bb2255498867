import type { NatsConnection } from '@nats-io/nats-core';
import { connectNats } from '#lib/bus/nats-connection.ts';
import type { Environment } from '#lib/config/config.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openMetrics } from '#lib/function/metrics.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { openLog } from '#lib/log/log.ts';
import { openScenarioClient } from '#lib/scenario/scenario-client.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import { openPastAlerts } from './alert/past-alerts.ts';
import { type NotificationConfig, readNotificationConfig } from './config.ts';
import { openNotificationMetrics } from './notification-metrics.ts';
import { openNotifier } from './notify.ts';

const HEALTH_TIMEOUT_MS = 2000;
const DAY_MS = 86_400_000;
const MIB = 1024 ** 2;

/** The secret that holds the password for NATS, where it asks for one. */
const NATS_PASSWORD = 'nats-password';

/** Opens function notification: predictions in, notifications out. */
export async function open(env: Environment): Promise<OpenedFunction> {
  const config = readNotificationConfig(env);
  const log = openLog('notification', config.logLevel);
  const secrets = openSecretFiles(config.secretsDir);
  const metrics = openMetrics('notification');
  const counters = openNotificationMetrics(metrics.registry);
  const nats = await connect(config, secrets);
  const store = await openNatsStateStore(nats, { bucket: 'thebox_rules', maxBytes: config.stateMaxBytes });
  const pastStore = await openNatsStateStore(nats, { bucket: 'thebox_alerts', maxBytes: 64 * MIB });
  const past = openPastAlerts(pastStore, config.alertHistoryDays * DAY_MS);
  const scenarios = openScenarioClient({ gatewayUrl: config.gatewayUrl, secrets });
  const notifier = openNotifier({
    scenarios,
    store,
    past,
    onRuleFailure(scenario, eventId, failure) {
      counters.failed(scenario, failure.rule);
      log.warn({ scenario, eventId, rule: failure.rule }, failure.message);
    },
    onIgnored: counters.ignored,
    onRevision: async () => undefined,
  });
  return openFunction({
    name: 'notification',
    log,
    secrets,
    metrics,
    processEvents: (batch) => notifier.process(batch),
    health: () => checkAnswers(nats),
    close: () => nats.drain(),
  });
}

async function connect(config: NotificationConfig, secrets: SecretFiles): Promise<NatsConnection> {
  return connectNats({
    url: config.natsUrl,
    name: 'notification',
    atFirst: 'wait',
    ...(config.natsUser !== undefined && { user: config.natsUser, password: await secrets.read(NATS_PASSWORD) }),
  });
}

/** Rejects when NATS does not answer: while the connection is lost, a flush waits until it is there again. */
async function checkAnswers(nats: NatsConnection): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new BoxError('unavailable', `Cannot reach NATS: no answer within ${HEALTH_TIMEOUT_MS} ms`);
  const timer = setTimeout(() => reject(late), HEALTH_TIMEOUT_MS);
  try {
    await Promise.race([nats.flush(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
