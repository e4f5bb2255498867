import type { NatsConnection } from '@nats-io/nats-core';
import { timerMessage } from '#lib/bus/jetstream-timers.ts';
import { openJetStreamTopicReader } from '#lib/bus/jetstream-topic-reader.ts';
import { checkAnswers, connectNats } from '#lib/bus/nats-connection.ts';
import { openStoredPublish } from '#lib/bus/stored-publish.ts';
import type { Environment } from '#lib/config/config.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openMetrics } from '#lib/function/metrics.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { type Log, openLog } from '#lib/log/log.ts';
import { openAddressGuard } from '#lib/net/address-guard.ts';
import { openScenarioClient } from '#lib/scenario/scenario-client.ts';
import { revNumber } from '#lib/scenario/scenario-id.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import { alertRoutes } from './alert/alert-routes.ts';
import { openAlerts } from './alert/alerts.ts';
import { openPastAlerts } from './alert/past-alerts.ts';
import { type NotificationConfig, readNotificationConfig } from './config.ts';
import { openNotificationHistory } from './history/history.ts';
import { historyRoutes } from './history/history-routes.ts';
import { openNotificationMetrics } from './notification-metrics.ts';
import { openNotifier } from './notify.ts';
import { ruleTestRoute } from './rule-test.ts';
import { tidy } from './tidy.ts';
import { openPost } from './webhook/post.ts';
import { openWebhooks } from './webhook/webhooks.ts';

const HEALTH_TIMEOUT_MS = 2000;
const TIMER_TIMEOUT_MS = 5000;
const CHORES_EVERY_MS = 120_000;
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
  const guard = openAddressGuard({
    hosts: config.webhookHosts,
    setting: 'WEBHOOK_HOSTS',
    action: 'post to webhook',
    connections: 8,
  });
  const webhooks = await openWebhooks({
    nats,
    scenarios,
    log,
    post: openPost(guard, secrets),
    onOutcome: counters.webhook,
  });
  const revs = new Map<string, number>();
  const notifier = openNotifier({
    scenarios,
    store,
    past,
    onRuleFailure(scenario, eventId, failure) {
      counters.failed(scenario, failure.rule);
      log.warn({ scenario, eventId, rule: failure.rule }, failure.message);
    },
    onIgnored: counters.ignored,
    async onRevision(record) {
      revs.set(record.id, Math.max(revNumber(record.rev), revs.get(record.id) ?? 0));
      await webhooks.apply(record);
    },
  });
  const reader = openJetStreamTopicReader(nats);
  const history = openNotificationHistory(reader, scenarios);
  const timers = openTimers(nats);
  const alerts = openAlerts({ store, past, setTimer: timers.set });
  const { maxWaitSeconds, maxWaiting } = config;
  const chores = openChores(log, [
    () => webhooks.resume(),
    () => tidy({ store, past, scenarios, newestRev: (id) => revs.get(id) }),
  ]);
  return openFunction({
    name: 'notification',
    log,
    secrets,
    metrics,
    routes: [
      ...historyRoutes(history, { maxWaitSeconds, maxWaiting, log }),
      ...alertRoutes(alerts),
      ruleTestRoute({ scenarios, reader }),
    ],
    processEvents: (batch) => notifier.process(batch),
    health: () => checkAnswers(nats, HEALTH_TIMEOUT_MS),
    async close() {
      await chores.close();
      await webhooks.close();
      await guard.close();
      timers.close();
      await nats.drain();
    },
  });
}

/** Work that is done now and every few minutes; what fails is tried again the next time. */
function openChores(log: Log, chores: readonly (() => Promise<void>)[]) {
  const run = async () => {
    for (const chore of chores) {
      await chore().catch((error: unknown) => log.warn({ err: error }, 'a chore waits for the next time'));
    }
  };
  let running = run();
  const timer = setInterval(() => {
    running = running.then(run);
  }, CHORES_EVERY_MS);
  return {
    async close(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}

/** Timers that no message asks for: of a snooze. */
function openTimers(nats: NatsConnection) {
  const stored = openStoredPublish(nats);
  return {
    async set(scenarioId: string, key: string, at: string): Promise<void> {
      const [outcome] = await stored.publish([timerMessage(scenarioId, 'notification', key, at)], TIMER_TIMEOUT_MS);
      if (outcome instanceof BoxError) throw outcome;
    },
    close: () => stored.close(),
  };
}

async function connect(config: NotificationConfig, secrets: SecretFiles): Promise<NatsConnection> {
  return connectNats({
    url: config.natsUrl,
    name: 'notification',
    atFirst: 'wait',
    ...(config.natsUser !== undefined && { user: config.natsUser, password: await secrets.read(NATS_PASSWORD) }),
  });
}
