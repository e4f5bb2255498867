import { checkAnswers, connectNats, natsAddresses } from '#lib/bus/nats-connection.ts';
import { openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import { BoxError, errorText } from '#lib/error/box-error.ts';
import { type Log, openLog } from '#lib/log/log.ts';
import { declareTaskQueue, TASK_QUEUE } from '#lib/order/rabbitmq-task-queue.ts';
import { giveBackMemoryWhenIdle } from '#lib/process/idle-memory.ts';
import { keepWasmSmall } from '#lib/process/small-wasm.ts';
import { openCouchdbScenarioFeed } from '#lib/scenario/couchdb-scenario-feed.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { openCouchdbSourceFeed } from '#lib/source/couchdb-source-store.ts';
import { openBackoff } from './backoff.ts';
import { type ConnectorConfig, readConnectorConfig } from './config.ts';
import { openHealthServer } from './health-server.ts';
import { openInvoker } from './invoker.ts';
import { type ConnectorMetrics, openConnectorMetrics } from './metrics.ts';
import { type Connector, openConnector } from './open-connector.ts';
import { type RabbitmqTrigger, startRabbitmqTrigger } from './rabbitmq-trigger.ts';
import type { SourceLoginOptions } from './source-logins.ts';

const FLUSH_TIMEOUT_MS = 1000;

/** The OpenFaaS event connector: brings messages to functions, and what they answer back to the bus. */
async function main(): Promise<void> {
  keepWasmSmall();
  const config = readConnectorConfig(process.env);
  const endMemoryWatch = giveBackMemoryWhenIdle();
  const log = openLog('connector', config.logLevel);
  const metrics = openConnectorMetrics();
  let connector: Connector | undefined;
  const server = await openHealthServer({
    port: config.httpPort,
    metrics: () => metrics.registry.metrics(),
    async health() {
      if (connector === undefined) throw new BoxError('unavailable', 'Cannot work yet: waiting for NATS');
      await connector.health();
    },
  });
  log.info({ port: server.port, nats: natsAddresses(config.natsUrl), gateway: config.gatewayUrl }, 'started');

  let isEnding = false;
  const end = async (signal: string) => {
    if (isEnding) return;
    isEnding = true;
    endMemoryWatch();
    log.info({ signal }, 'ending: batches in flight are finished');
    const graceMs = config.shutdownSeconds * 1000;
    // Whatever does not end by itself is cut off: what was not acknowledged comes again.
    setTimeout(() => process.exit(1), graceMs + 2000).unref();
    try {
      await connector?.close(graceMs);
      await server.close();
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'did not end cleanly');
      process.exit(1);
    }
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));

  connector = await openUntilThere(config, log, metrics, () => isEnding);
}

/** Opens the connector, again and again until what it needs is there: a board starts its services in any order. */
async function openUntilThere(
  config: ConnectorConfig,
  log: Log,
  metrics: ConnectorMetrics,
  isEnding: () => boolean,
): Promise<Connector | undefined> {
  const backoff = openBackoff({ firstMs: 200, maxMs: 5000 });
  while (!isEnding()) {
    try {
      return await open(config, log, metrics);
    } catch (error) {
      const { code, message } = BoxError.from(error);
      if (code !== 'unavailable') throw error;
      log.warn({ reason: message }, 'waiting for what the connector needs');
      await backoff.wait(new AbortController().signal);
    }
  }
  return undefined;
}

async function open(config: ConnectorConfig, log: Log, metrics: ConnectorMetrics): Promise<Connector> {
  const secrets = openSecretFiles(config.secretsDir);
  const connection = await connectNats({
    url: config.natsUrl,
    name: 'connector',
    ...(config.natsUser !== undefined && { user: config.natsUser, password: await secrets.read('nats-password') }),
  });
  const database = openCouchDatabase({
    url: config.couchdbUrl,
    database: config.couchdbDatabase,
    ...(config.couchdbUser !== undefined && {
      user: config.couchdbUser,
      password: await secrets.read('couchdb-password'),
    }),
  });
  const feed = openCouchdbScenarioFeed(database, {
    onError: (error) => log.warn({ err: error }, 'the scenarios cannot be followed at the moment'),
  });
  const close = async () => {
    await database.close();
    await connection.close();
  };
  const sources = openCouchdbSourceFeed(database, {
    onError: (error) => log.warn({ err: error }, 'the sources cannot be followed at the moment'),
  });
  const connector = await openConnector({
    connection,
    feed,
    sources,
    ...(config.sourceLogins && { logins: await loginOptions(config, secrets) }),
    gatewayUrl: config.gatewayUrl,
    secrets,
    log,
    metrics,
    limits: limitsOf(config),
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const trigger =
    config.amqpUrl === undefined ? undefined : startTrigger(config, config.amqpUrl, secrets, log, metrics);
  return {
    health: connector.health,
    async close(graceMs) {
      await Promise.all([connector.close(graceMs), trigger?.close(graceMs)]);
      await checkAnswers(connection, FLUSH_TIMEOUT_MS).catch((error: unknown) =>
        log.warn({ reason: errorText(error) }, 'some acknowledgements may not have arrived'),
      );
      await close();
    },
  };
}

async function loginOptions(config: ConnectorConfig, secrets: SecretFiles): Promise<SourceLoginOptions> {
  return {
    issuerSeed: await secrets.read('nats-issuer-seed'),
    anonymous: config.anonymousLogins,
    connectSystem: async () =>
      connectNats({
        url: config.natsUrl,
        name: 'connector (system)',
        user: config.natsSystemUser,
        password: await secrets.read('nats-system-password'),
      }),
  };
}

function startTrigger(
  config: ConnectorConfig,
  amqpUrl: string,
  secrets: SecretFiles,
  log: Log,
  metrics: ConnectorMetrics,
): RabbitmqTrigger {
  const invoker = openInvoker({
    gatewayUrl: config.gatewayUrl,
    timeoutMs: config.invocationTimeoutSeconds * 1000,
    secrets,
    log,
    metrics,
  });
  const trigger = startRabbitmqTrigger({
    queue: TASK_QUEUE,
    declare: declareTaskQueue,
    functionName: 'sensory',
    type: 'thebox.sensory.task',
    prefetch: config.taskPrefetch,
    maxDeliver: config.maxDeliver,
    invoker,
    log,
    metrics,
    async url() {
      const url = new URL(amqpUrl);
      if (url.username === '' && config.amqpUser !== undefined) {
        url.username = encodeURIComponent(config.amqpUser);
        url.password = encodeURIComponent(await secrets.read('amqp-password'));
      }
      return url.href;
    },
  });
  return {
    async close(graceMs) {
      await trigger.close(graceMs);
      await invoker.close();
    },
  };
}

function limitsOf(config: ConnectorConfig) {
  return {
    streams: {
      maxBytes: config.streamMaxBytes,
      maxDeadBytes: config.deadMaxBytes,
      duplicateWindowMs: config.duplicateWindowSeconds * 1000,
    },
    history: {
      ageMs: config.historyHours * 3_600_000,
      bytes: config.historyMaxBytes > 0 ? config.historyMaxBytes : Math.floor(config.streamMaxBytes / 2),
    },
    maxBatchEvents: config.maxBatchEvents,
    maxBatchBytes: config.maxBatchBytes,
    invocationTimeoutMs: config.invocationTimeoutSeconds * 1000,
    maxDeliver: config.maxDeliver,
  };
}

await main().catch((error: unknown) => {
  // A configuration or a server that no waiting will mend.
  process.stderr.write(`${errorText(error)}\n`);
  process.exit(1);
});
