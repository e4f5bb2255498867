import { choice, type Environment, integer, optionalText, readConfig, text, url } from '#lib/config/config.ts';
import { SCENARIO_DATABASE } from '#lib/scenario/couchdb-scenario-store.ts';

/** Every variable that the orchestrator reads. */
export const SETTINGS = {
  couchdbUrl: url('COUCHDB_URL', { doc: 'CouchDB, where scenarios are kept', schemes: ['http', 'https'] }),
  couchdbUser: optionalText('COUCHDB_USER', 'the user at CouchDB; the password is the secret couchdb-password'),
  couchdbDatabase: text('COUCHDB_DATABASE', { doc: 'the database of scenarios', fallback: SCENARIO_DATABASE }),
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'the OpenFaaS gateway, through which models are verified',
    schemes: ['http', 'https'],
  }),
  natsUrl: text('NATS_URL', { doc: 'NATS, on which the connector tells its status' }),
  natsUser: optionalText('NATS_USER', 'the user at NATS; the password is the secret nats-password'),
  secretsDir: text('SECRETS_DIR', { doc: 'the folder of secret files', fallback: '/var/openfaas/secrets' }),
  maxScenarioBytes: integer('MAX_SCENARIO_BYTES', {
    doc: 'the largest scenario document, in bytes',
    fallback: 1024 * 1024,
    min: 1024,
    max: 8 * 1024 * 1024,
  }),
  verifyTimeoutMs: integer('VERIFY_TIMEOUT_MS', {
    doc: 'how long the inference function may take to fetch and load a model',
    fallback: 50_000,
    min: 100,
    max: 600_000,
  }),
  applyWaitMs: integer('APPLY_WAIT_MS', {
    doc: 'how long the answer to a change waits for the connector to work with it',
    fallback: 5000,
    min: 0,
    max: 60_000,
  }),
  logLevel: choice('LOG_LEVEL', {
    doc: 'the least severe messages that are logged',
    of: ['debug', 'info', 'warn', 'error', 'silent'],
    fallback: 'info',
  }),
};

export type OrchestratorConfig = ReturnType<typeof readOrchestratorConfig>;

/** @throws BoxError `invalid_argument` that lists every variable that is missing or malformed. */
export function readOrchestratorConfig(env: Environment) {
  return readConfig(SETTINGS, env);
}
