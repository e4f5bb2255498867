import { choice, type Environment, flag, integer, optionalText, readConfig, text, url } from '#lib/config/config.ts';
import { SCENARIO_DATABASE } from '#lib/scenario/couchdb-scenario-store.ts';

const MIB = 1024 * 1024;

/** Every variable that the connector reads. */
export const SETTINGS = {
  natsUrl: text('NATS_URL', { doc: 'NATS with JetStream, 2.12 or later; several servers separated by commas' }),
  natsUser: optionalText('NATS_USER', 'the user at NATS; the password is the secret nats-password'),
  sourceLogins: flag('SOURCE_LOGINS', {
    doc: 'whether nats-server asks the connector about the logins of sources; it needs the secrets nats-issuer-seed and nats-system-password then',
    fallback: false,
  }),
  anonymousLogins: flag('ANONYMOUS_LOGINS', {
    doc: 'whether the connector lets in who sends no credential at all: he may publish to topics, and listen',
    fallback: false,
  }),
  natsSystemUser: text('NATS_SYSTEM_USER', {
    doc: "the user of nats-server's system account, who ends the connections of sources whose token was changed; the password is the secret nats-system-password",
    fallback: 'thebox-system',
  }),
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'the OpenFaaS gateway, through which functions are called',
    schemes: ['http', 'https'],
  }),
  couchdbUrl: url('COUCHDB_URL', { doc: 'CouchDB, whose scenarios are followed', schemes: ['http', 'https'] }),
  couchdbUser: optionalText('COUCHDB_USER', 'the user at CouchDB; the password is the secret couchdb-password'),
  couchdbDatabase: text('COUCHDB_DATABASE', { doc: 'the database of scenarios', fallback: SCENARIO_DATABASE }),
  amqpUrl: optionalText(
    'AMQP_URL',
    'RabbitMQ with its virtual host, such as amqp://rabbitmq:5672/sensory, whose task queue triggers the sensory function; left out, there is no such trigger',
  ),
  amqpUser: optionalText(
    'AMQP_USER',
    'the user at RabbitMQ, where AMQP_URL names none; the password is the secret amqp-password',
  ),
  taskPrefetch: integer('TASK_PREFETCH', {
    doc: 'how many tasks of the RabbitMQ queue are worked on at once',
    fallback: 2,
    min: 1,
    max: 100,
  }),
  secretsDir: text('SECRETS_DIR', { doc: 'the folder of secret files', fallback: '/var/openfaas/secrets' }),
  httpPort: integer('HTTP_PORT', {
    doc: 'the port of /healthz and /metrics; 0 is any free port',
    fallback: 8081,
    min: 0,
    max: 65535,
  }),
  maxBatchEvents: integer('MAX_BATCH_EVENTS', {
    doc: 'the most events in a call of a function',
    fallback: 256,
    min: 1,
    max: 10_000,
  }),
  maxBatchBytes: integer('MAX_BATCH_BYTES', {
    // A body of many short lines becomes some thirty times as much in the answer: that, too, has to fit into the function.
    doc: 'the most bytes of messages in a call of a function; a larger message goes alone',
    fallback: MIB,
    min: 1024,
    max: 256 * MIB,
  }),
  invocationTimeoutSeconds: integer('INVOCATION_TIMEOUT_SECONDS', {
    doc: 'how long a function may take to answer a call',
    fallback: 60,
    min: 1,
    max: 3600,
  }),
  maxDeliver: integer('MAX_DELIVER', {
    doc: 'how often an event may fail before it is put among the dead letters',
    fallback: 5,
    min: 1,
    max: 1000,
  }),
  streamMaxBytes: integer('STREAM_MAX_BYTES', {
    doc: 'what all topics together may hold on disk; then publishers are refused. The connector itself may go a quarter beyond',
    fallback: 4096 * MIB,
    min: MIB,
    max: Number.MAX_SAFE_INTEGER,
  }),
  deadMaxBytes: integer('DEAD_MAX_BYTES', {
    doc: 'what the dead letters may hold on disk; then the oldest go',
    fallback: 512 * MIB,
    min: MIB,
    max: Number.MAX_SAFE_INTEGER,
  }),
  historyHours: integer('HISTORY_HOURS', {
    doc: 'how long messages are kept that are processed',
    fallback: 7 * 24,
    min: 0,
    max: 10 * 365 * 24,
  }),
  historyMaxBytes: integer('HISTORY_MAX_BYTES', {
    doc: 'how much the topics may hold before messages that are processed go early; 0 is half of STREAM_MAX_BYTES',
    fallback: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  }),
  duplicateWindowSeconds: integer('DUPLICATE_WINDOW_SECONDS', {
    doc: 'how long the bus remembers message ids, 150 bytes of its memory each',
    fallback: 60,
    min: 1,
    max: 86_400,
  }),
  shutdownSeconds: integer('SHUTDOWN_SECONDS', {
    doc: 'how long batches in flight may take to finish on SIGTERM',
    fallback: 8,
    min: 0,
    max: 600,
  }),
  logLevel: choice('LOG_LEVEL', {
    doc: 'the least severe messages that are logged',
    of: ['debug', 'info', 'warn', 'error', 'silent'],
    fallback: 'info',
  }),
};

export type ConnectorConfig = ReturnType<typeof readConnectorConfig>;

/** @throws BoxError `invalid_argument` that lists every variable that is missing or malformed. */
export function readConnectorConfig(env: Environment) {
  return readConfig(SETTINGS, env);
}
