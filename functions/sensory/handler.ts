import type { BlobStore } from '#lib/blob/blob-store.ts';
import { openS3BlobStore } from '#lib/blob/s3.ts';
import type { Environment } from '#lib/config/config.ts';
import { openCouchDatabase } from '#lib/couchdb/couch-database.ts';
import type { BoxError } from '#lib/error/box-error.ts';
import type { OpenedFunction } from '#lib/function/contract.ts';
import { openFunction } from '#lib/function/open-function.ts';
import type { FunctionResponse } from '#lib/function/route.ts';
import { openLog } from '#lib/log/log.ts';
import { openSecretFiles, type SecretFiles } from '#lib/secret/secret-files.ts';
import { lazyCapture } from './capture/lazy-capture.ts';
import { type SensoryConfig, sensoryConfig } from './config.ts';
import { openDatasets } from './datasets.ts';
import { openEpochs } from './feed/epoch.ts';
import { openFreshFiles } from './fresh-files.ts';
import { openSensoryMetrics } from './metrics.ts';
import { openFileWriter, removeFiles } from './order/file-order.ts';
import { openOrderStore } from './order/order-store.ts';
import { openShardProcessor } from './order/process-shard.ts';
import { openRabbitmqOrderQueue } from './order/rabbitmq.ts';
import { watchDeadTasks } from './order/rabbitmq-dead-tasks.ts';
import { recordGivenUp } from './order/shard-failure.ts';
import { openPixelSource } from './pack/pixel-source.ts';
import { openRelabelling } from './relabel.ts';
import { datasetRoutes } from './route/dataset-routes.ts';
import { defaultDataset, oldRoutes } from './route/old-routes.ts';
import { orderRoutes } from './route/order-routes.ts';
import { sampleRoutes } from './route/sample-routes.ts';
import { streamRoutes } from './route/stream-routes.ts';
import { taskRoute } from './route/task-route.ts';

/** Orders are forgotten a week after they were taken, with their files. */
const ORDER_MS = 7 * 24 * 60 * 60 * 1000;
const SWEEP_MS = 60 * 60 * 1000;
/** A relabelling that began so long ago is not done by the process that began it. */
const RELABEL_MS = 60 * 1000;

/** Of the memory for pixels: files of orders that are about to be fetched. */
const FRESH_SHARE = 1 / 4;

/** Opens the function: samples in, batches out. */
export async function open(env: Environment): Promise<OpenedFunction> {
  const config = sensoryConfig(env);
  const log = openLog('sensory', config.logLevel);
  const secrets = openSecretFiles(config.secretsDir);
  const metrics = openSensoryMetrics();
  const store = openS3BlobStore(s3Options(config, secrets));
  const database = openCouchDatabase(await couchOptions(config, secrets));
  const orders = openOrderStore(database);
  const queue = openRabbitmqOrderQueue(() => amqpUrl(config, secrets));
  const datasets = openDatasets({
    store,
    log,
    defaultDataset: defaultDataset(config),
    listSeconds: config.listSeconds,
    observe: metrics.tended,
  });
  const source = openPixelSource(store, {
    cacheBytes: config.pixelCacheMib * 1024 * 1024 * (1 - FRESH_SHARE),
    maxPixels: config.maxImagePixels,
  });
  const epochOf = openEpochs();
  const catalogueOf = datasets.openFolder;
  const ordered = (samples: number) => metrics.drawn('order', samples);
  const freshFiles = openFreshFiles(config.pixelCacheMib * 1024 * 1024 * FRESH_SHARE);
  const writeFile = openFileWriter({ store, freshFiles, orders, source, epochOf, catalogueOf, streamed: ordered });
  const processShard = openShardProcessor({ orders, queue, source, catalogueOf, published: ordered, writeFile, log });
  const stream = { source, epochOf, streamed: (samples: number) => metrics.drawn('stream', samples) };
  const parts = { config, secrets, store, datasets, source, orders, freshFiles, queue, metrics };
  const capture = lazyCapture(config, secrets, { store, datasets, stored: metrics.stored });
  // The connector waits on the task queue: it is made without waiting for the first order. Without a broker the next
  // call that needs it tries again.
  queue.prepare().catch((error) => log.warn({ err: error }, 'RabbitMQ is not there yet'));
  const deadTasks = watchDeadTasks(
    () => amqpUrl(config, secrets),
    (orderId, shard) => recordGivenUp(orders, orderId, shard),
    log,
  );
  const labels = openRelabelling(store, database, catalogueOf);
  const recover = () =>
    labels.recover(RELABEL_MS).catch((error) => log.warn({ err: error }, 'Cannot complete relabellings for now'));
  recover();
  const recovering = setInterval(recover, RELABEL_MS).unref();
  const sweep = () =>
    orders
      .sweep(Date.now() - ORDER_MS, (order) => removeFiles(store, order))
      .catch((error) => log.warn({ err: error }, 'Cannot sweep old orders for now'));
  sweep();
  const sweeping = setInterval(sweep, SWEEP_MS).unref();
  return openFunction({
    name: 'sensory',
    log,
    secrets,
    metrics: metrics.base,
    routes: [
      ...oldRoutes(parts),
      ...streamRoutes(parts, stream),
      ...orderRoutes(parts, stream),
      ...sampleRoutes(parts, labels),
      ...datasetRoutes(parts),
      taskRoute(processShard, capture.process, metrics.base.events),
    ],
    errorResponse: unknownRoute,
    async health() {
      // Without RabbitMQ all but batch orders works: that is no reason to be taken out of service.
      await Promise.all([checkBucket(store), database.now()]);
    },
    async close() {
      clearInterval(sweeping);
      clearInterval(recovering);
      await capture.close();
      await datasets.close();
      orders.close();
      await deadTasks.close();
      await queue.close();
      await database.close();
      store.close();
    },
  });
}

/** Any page of a listing tells that the bucket is there and ours to read. */
async function checkBucket(store: BlobStore): Promise<void> {
  for await (const _ of store.list('health', { pageSize: 1 })) return;
}

/** Old clients know an unknown route by this body. */
function unknownRoute(error: BoxError): FunctionResponse | undefined {
  if (error.code !== 'not_found' || error.facts.route === undefined) return undefined;
  return { status: 404, headers: { 'content-type': 'application/json' }, body: { error: 'Not found' } };
}

function s3Options(config: SensoryConfig, secrets: SecretFiles) {
  return {
    endpoint: config.s3Url,
    region: config.s3Region,
    bucket: config.s3Bucket,
    ...(config.s3PublicUrl !== undefined && { publicEndpoint: config.s3PublicUrl }),
    credentials: async () => ({
      accessKeyId: await secrets.read('s3-access-key'),
      secretAccessKey: await secrets.read('s3-secret-key'),
    }),
  };
}

/** The address may hold the credentials itself. */
async function couchOptions({ couchdbUrl, couchdbUser, couchdbDatabase }: SensoryConfig, secrets: SecretFiles) {
  const address = { url: couchdbUrl, database: couchdbDatabase };
  if (couchdbUser === undefined) return address;
  return { ...address, user: couchdbUser, password: await secrets.read('couchdb-password') };
}

async function amqpUrl({ amqpUrl, amqpUser }: SensoryConfig, secrets: SecretFiles): Promise<string> {
  const url = new URL(amqpUrl);
  if (url.username === '' && amqpUser !== undefined) {
    url.username = encodeURIComponent(amqpUser);
    url.password = encodeURIComponent(await secrets.read('amqp-password'));
  }
  return url.href;
}
