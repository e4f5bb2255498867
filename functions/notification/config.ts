import { choice, type Environment, readConfig, text, url } from '#lib/config/config.ts';

/** The variables of function notification. */
export const SETTINGS = {
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'the OpenFaaS gateway, to ask the orchestrator for scenarios',
    schemes: ['http', 'https'],
  }),
  secretsDir: text('SECRETS_DIR', { doc: 'folder of the secrets', fallback: '/var/openfaas/secrets' }),
  logLevel: choice('LOG_LEVEL', {
    doc: 'how much is logged',
    fallback: 'info',
    of: ['debug', 'info', 'warn', 'error', 'silent'] as const,
  }),
};

export const readNotificationConfig = (env: Environment) => readConfig(SETTINGS, env);
