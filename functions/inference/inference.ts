import type { S3Client } from '@aws-sdk/client-s3';
import type { NatsConnection } from '@nats-io/nats-core';
import { openS3BlobStore, openS3Client } from '#lib/blob/s3.ts';
import { connectNats } from '#lib/bus/nats-connection.ts';
import { BoxError } from '#lib/error/box-error.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openMetrics } from '#lib/function/metrics.ts';
import { openFunction } from '#lib/function/open-function.ts';
import { jsonBody, type Route } from '#lib/function/route.ts';
import type { Log } from '#lib/log/log.ts';
import { openScenarioClient } from '#lib/scenario/scenario-client.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { openNatsStateStore } from '#lib/state/nats-state-store.ts';
import type { StateStore } from '#lib/state/state-store.ts';
import type { InferenceConfig } from './config.ts';
import type { LoadOptions } from './model/loaded-model.ts';
import { DEFAULT_SESSION_OPTIONS } from './model/model.ts';
import { openModelRegistry } from './model/model-registry.ts';
import { openThreadPool } from './model/onnx/thread-pool.ts';
import { openModelFetcher } from './model/source/fetch-model.ts';
import { openFileSource } from './model/source/file-source.ts';
import { openFtpSource } from './model/source/ftp-source.ts';
import { openHttpSource } from './model/source/http-source.ts';
import { openModelCache } from './model/source/model-cache.ts';
import { openS3Source } from './model/source/s3-source.ts';
import { openConvertedModels } from './model/tensorflow/converted-models.ts';
import { openGatewayConverter } from './model/tensorflow/graph-converter.ts';
import { protocolError, protocolRoutes } from './oip/routes.ts';
import { openEventProcessor } from './prediction/process-events.ts';
import { openScenarioModels } from './prediction/scenario-models.ts';
import { openCatalog } from './serving/catalog.ts';
import { openLoadOverrides } from './serving/load-overrides.ts';
import { registerModelMetrics } from './serving/model-metrics.ts';
import { openStatsBook } from './serving/model-stats.ts';
import { openRepositoryProvider } from './serving/repository-provider.ts';
import { openScenarioProvider } from './serving/scenario-provider.ts';
import { readInferenceDefinition } from './verify/read-definition.ts';
import { type VerifyOptions, verifyModel } from './verify/verify-model.ts';

/** The version that `GET v2` names. */
const PROTOCOL_SERVER = '0.1.0';

/** Opens everything that the inference function works with, and closes it again. */
export async function openInference(config: InferenceConfig, log: Log): Promise<OpenedFunction> {
  const secrets = openSecretFiles(config.secretsDir);
  const pool = openThreadPool(config.modelThreads, log);
  const http = openHttpSource(config.modelHosts);
  const s3 = lazyS3Client(config, secrets);
  const cache = await openModelCache({
    folder: config.modelCacheDir,
    maxFileBytes: config.modelMaxBytes,
    maxBytes: config.modelCacheBytes,
  });
  const { gatewayUrl } = config;
  const repository = openRepository(config, secrets);
  const converter = openGatewayConverter({ gatewayUrl, secrets });
  const fetcher = openModelFetcher({
    http,
    ftp: openFtpSource(config.modelHosts),
    file: openFileSource(config.modelRoot),
    s3: openS3Source(s3.client),
    cache,
    converted: openConvertedModels({ cache, converter, store: repository }),
    maxBytes: config.modelMaxBytes,
    timeoutMs: config.modelFetchTimeoutMs,
  });
  const registry = openModelRegistry({ pool, log, maxBytes: config.modelMemoryBytes });
  const load = loadOptions(config);
  const models = openScenarioModels({ fetcher, registry, load });
  const stats = openStatsBook();
  const state = lazyStateStore(config, secrets);
  const metrics = openMetrics('inference');
  registerModelMetrics(metrics.registry, stats, registry);
  const providers = [openScenarioProvider({ gatewayUrl, secrets, fetcher, load, log, state: state.store })];
  if (repository) {
    providers.push(openRepositoryProvider({ bucket: config.modelBucket, store: repository, fetcher, load, log }));
  }
  const overrides = openLoadOverrides({ providers, fetcher, load });
  const catalog = openCatalog([overrides], registry, fetcher);
  return openFunction({
    name: 'inference',
    log,
    metrics,
    secrets,
    routes: [
      verifyRoute({ fetcher, registry, load }),
      ...protocolRoutes({ catalog, overrides, stats, version: PROTOCOL_SERVER }),
    ],
    errorResponse: protocolError,
    processEvents: openEventProcessor(openScenarioClient({ gatewayUrl, secrets }), models, stats, state.store),
    async close() {
      models.close();
      await registry.close();
      await Promise.all([pool.close(), http.close()]);
      s3.close();
      repository?.close();
      await state.close();
    },
  });
}

function loadOptions(config: InferenceConfig): LoadOptions {
  return {
    session: DEFAULT_SESSION_OPTIONS,
    placement: config.modelPlacement,
    batching: {
      maxRows: config.modelMaxBatch,
      maxDelayUs: config.modelMaxDelayUs,
      maxQueue: config.modelMaxQueue,
    },
  };
}

function openRepository({ s3Endpoint, s3Region, modelBucket }: InferenceConfig, secrets: SecretFiles) {
  if (s3Endpoint === undefined) return undefined;
  const credentials = s3Credentials(secrets);
  return openS3BlobStore({ endpoint: s3Endpoint, region: s3Region, bucket: modelBucket, credentials });
}

function s3Credentials(secrets: SecretFiles) {
  return async () => ({
    accessKeyId: await secrets.read('s3-access-key'),
    secretAccessKey: await secrets.read('s3-secret-key'),
  });
}

/** The client is made when the first model comes from S3: most appliances have no such model. */
function lazyS3Client({ s3Endpoint, s3Region }: InferenceConfig, secrets: SecretFiles) {
  let opened: S3Client | undefined;
  return {
    async client(): Promise<S3Client> {
      if (s3Endpoint === undefined) {
        throw new BoxError('unprocessable', 'Cannot fetch model from S3: S3_ENDPOINT must be set');
      }
      opened ??= openS3Client({
        endpoint: s3Endpoint,
        region: s3Region,
        credentials: s3Credentials(secrets),
      });
      return opened;
    },
    close: () => opened?.destroy(),
  };
}

/** The connection is made when the first streaming model runs: most appliances have none. */
function lazyStateStore({ natsUrl, natsUser }: InferenceConfig, secrets: SecretFiles) {
  let opened: Promise<{ readonly connection: NatsConnection; readonly store: StateStore }> | undefined;
  const openStore = async () => {
    if (natsUrl === undefined) {
      throw new BoxError('unavailable', 'Cannot run built-in model: NATS_URL must be set for what it learns');
    }
    const user = natsUser === undefined ? {} : { user: natsUser, password: await secrets.read('nats-password') };
    const connection = await connectNats({ url: natsUrl, name: 'inference', ...user });
    return { connection, store: await openNatsStateStore(connection, { bucket: STATE_BUCKET, maxBytes: STATE_BYTES }) };
  };
  return {
    store: async (): Promise<StateStore> => {
      opened ??= openStore().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return (await opened).store;
    },
    close: async () => (await opened)?.connection.close(),
  };
}

const STATE_BUCKET = 'inference';
const STATE_BYTES = 64 * 1024 * 1024;

function verifyRoute(options: VerifyOptions): Route {
  return {
    method: 'POST',
    path: '/verify',
    async handle(request) {
      return { status: 200, body: await verifyModel(readInferenceDefinition(jsonBody(request)), options) };
    },
  };
}
