import { checkAnswers, connectNats } from '#lib/bus/nats-connection.ts';
import type { Environment } from '#lib/config/config.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openMetrics } from '#lib/function/metrics.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { openLog } from '#lib/log/log.ts';
import { openScenarioClient } from '#lib/scenario/scenario-client.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import { type IngestionConfig, readIngestionConfig } from './config.ts';
import { openHttpDoor } from './door/open-door.ts';
import { openS3Files } from './file/s3-files.ts';
import { openFeatureMaker } from './make-features.ts';
import { openWindowMetrics } from './window/window-metrics.ts';

const HEALTH_TIMEOUT_MS = 2000;

/** The secret that holds the password for NATS, where it asks for one. */
const NATS_PASSWORD = 'nats-password';

/** Opens the function: signals to features for the connector, and the door for sensors. */
export async function open(env: Environment): Promise<OpenedFunction> {
  const config = readIngestionConfig(env);
  const log = openLog('ingestion', config.logLevel);
  const secrets = openSecretFiles(config.secretsDir);
  const scenarios = openScenarioClient({ gatewayUrl: config.gatewayUrl, secrets });
  const nats = await connectNats({
    url: config.natsUrl,
    name: 'ingestion',
    atFirst: 'wait',
    ...(config.natsUser !== undefined && { user: config.natsUser, password: await secrets.read(NATS_PASSWORD) }),
  });
  const metrics = openMetrics('ingestion');
  const store = await openNatsStateStore(nats, { bucket: 'thebox_windows', maxBytes: config.stateMaxBytes });
  const files = openS3Files(s3Options(config, secrets));
  const { gatewayUrl, maxSignalBytes, maxUploadBytes, uploadSeconds } = config;
  const limits = { maxSignalBytes, maxUploadBytes, maxUploadMs: uploadSeconds * 1000 };
  const { registry } = metrics;
  const door = await openHttpDoor({ nats, scenarios, secrets, gatewayUrl, limits, log, registry });
  return openFunction({
    name: 'ingestion',
    log,
    secrets,
    routes: door.routes,
    metrics,
    processEvents: openFeatureMaker({
      scenarios,
      sources: door.sources,
      files,
      store,
      onSignals: openWindowMetrics(metrics.registry),
      limits: {
        maxPixels: config.maxImagePixels,
        maxFeatureBytes: config.maxFeatureBytes,
        maxInflatedBytes: config.maxInflatedBytes,
      },
    }),
    health: () => checkAnswers(nats, HEALTH_TIMEOUT_MS),
    async close() {
      door.close();
      files.close();
      await nats.drain();
    },
  });
}

/** How the S3 server is reached; undefined where none is configured. */
function s3Options({ s3Endpoint, s3Region }: IngestionConfig, secrets: SecretFiles) {
  if (s3Endpoint === undefined) return undefined;
  return {
    endpoint: s3Endpoint,
    region: s3Region,
    credentials: async () => ({
      accessKeyId: await secrets.read('s3-access-key'),
      secretAccessKey: await secrets.read('s3-secret-key'),
    }),
  };
}
