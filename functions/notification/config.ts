import { choice, type Environment, integer, list, optionalText, readConfig, text, url } from '#lib/config/config.ts';

const MIB = 1024 ** 2;

/** The variables of function notification. */
export const SETTINGS = {
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'the OpenFaaS gateway, to ask the orchestrator for scenarios',
    schemes: ['http', 'https'],
  }),
  natsUrl: text('NATS_URL', { doc: 'NATS, where the state of rules is kept and past notifications are read' }),
  natsUser: optionalText('NATS_USER', 'the user at NATS; the password is the secret nats-password'),
  secretsDir: text('SECRETS_DIR', { doc: 'folder of the secrets', fallback: '/var/openfaas/secrets' }),
  stateMaxBytes: integer('STATE_MAX_BYTES', {
    doc: 'what the state of all rules may take on disk; then rules that have to remember something new wait',
    fallback: 256 * MIB,
    min: MIB,
    max: Number.MAX_SAFE_INTEGER,
  }),
  alertHistoryDays: integer('ALERT_HISTORY_DAYS', {
    doc: 'how long alerts that are over are kept',
    fallback: 30,
    min: 1,
    max: 3650,
  }),
  maxWaitSeconds: integer('MAX_WAIT_SECONDS', {
    doc: 'the longest that an answer waits for notifications; less than the timeouts of gateway and watchdog',
    fallback: 50,
    min: 1,
    max: 3600,
  }),
  maxWaiting: integer('MAX_WAITING', {
    doc: 'the most callers that wait for notifications at the same time',
    fallback: 200,
    min: 1,
    max: 10_000,
  }),
  webhookHosts: list('WEBHOOK_HOSTS', {
    doc: 'hosts that webhooks may go to: host, host:port, *.domain, an address; * is every host of the public Internet. A host with a private address must be listed by name',
    fallback: ['*'],
  }),
  logLevel: choice('LOG_LEVEL', {
    doc: 'how much is logged',
    fallback: 'info',
    of: ['debug', 'info', 'warn', 'error', 'silent'] as const,
  }),
};

export type NotificationConfig = ReturnType<typeof readNotificationConfig>;

/** @throws BoxError `invalid_argument` that lists every variable that is missing or malformed. */
export function readNotificationConfig(env: Environment) {
  return readConfig(SETTINGS, env);
}
