import { choice, type Environment, integer, optionalText, readConfig, text, url } from '#lib/config/config.ts';

/** Every variable of the function, with what it is for. */
export const SENSORY_SETTINGS = {
  secretsDir: text('SECRETS_DIR', { doc: 'the folder of secrets', fallback: '/var/openfaas/secrets' }),
  logLevel: choice('LOG_LEVEL', {
    doc: 'what is logged',
    of: ['debug', 'info', 'warn', 'error'] as const,
    fallback: 'info',
  }),
  s3Url: url('S3_ENDPOINT', { doc: 'the S3 server, such as http://minio:9000', schemes: ['http', 'https'] }),
  s3PublicUrl: optionalText(
    'S3_PUBLIC_URL',
    'the S3 server as callers reach it, for presigned links (default S3_ENDPOINT)',
  ),
  s3Region: text('S3_REGION', { doc: 'the region of the S3 server', fallback: 'us-east-1' }),
  s3Bucket: text('S3_BUCKET', { doc: 'the bucket of samples', fallback: 'thebox-samples' }),
  couchdbUrl: url('COUCHDB_URL', { doc: 'CouchDB, such as http://couchdb:5984', schemes: ['http', 'https'] }),
  couchdbUser: optionalText('COUCHDB_USER', 'the user at CouchDB; the password is the secret couchdb-password'),
  couchdbDatabase: text('COUCHDB_ORDERS', { doc: 'the database of orders', fallback: 'sensory-orders' }),
  amqpUrl: url('AMQP_URL', {
    doc: 'RabbitMQ with its virtual host, such as amqp://rabbitmq:5672/sensory',
    schemes: ['amqp', 'amqps'],
  }),
  amqpUser: optionalText('AMQP_USER', 'the user at RabbitMQ; the password is the secret amqp-password'),
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'the gateway, where the scenarios are asked for that capture samples',
    fallback: 'http://gateway:8080',
    schemes: ['http', 'https'],
  }),
  natsUrl: optionalText('NATS_URL', 'NATS, where captured signals are read; unset: no scenario can capture samples'),
  natsUser: optionalText('NATS_USER', 'the user at NATS; the password is the secret nats-password'),
  apiVersion: text('API_VERSION', { doc: 'what API-VERSION must say', fallback: '0.3.0' }),
  datasetName: text('DATASET_NAME', { doc: 'the name of the default dataset', fallback: 'samples' }),
  datasetWidth: integer('DATASET_WIDTH', { doc: 'its width in pixels', fallback: 28, min: 1, max: 8192 }),
  datasetHeight: integer('DATASET_HEIGHT', { doc: 'its height in pixels', fallback: 28, min: 1, max: 8192 }),
  shardSize: integer('SHARD_SIZE', { doc: 'samples of one task of an order', fallback: 5000, min: 1, max: 100_000 }),
  maxRequestSamples: integer('MAX_REQUEST_SAMPLES', {
    doc: 'the most samples that one direct request gets',
    fallback: 10_000,
    min: 1,
    max: 1_000_000,
  }),
  maxOrderSamples: integer('MAX_ORDER_SAMPLES', {
    doc: 'the most samples that one batch order through RabbitMQ gets',
    fallback: 1_000_000,
    min: 1,
    max: 100_000_000,
  }),
  maxImagePixels: integer('MAX_IMAGE_PIXELS', {
    doc: 'the largest picture that is decoded, width times height',
    fallback: 16_777_216,
    min: 1,
    max: 268_435_456,
  }),
  pixelCacheMib: integer('PIXEL_CACHE_MIB', {
    doc: 'memory for decoded pixels of packed shards, a quarter of it for files of orders that are about to be fetched',
    fallback: 128,
    min: 1,
    max: 65_536,
  }),
  listSeconds: integer('LIST_SECONDS', {
    doc: 'how often the bucket is listed for what other tools changed',
    fallback: 20,
    min: 1,
    max: 3600,
  }),
} as const;

export type SensoryConfig = ReturnType<typeof sensoryConfig>;

/**
 * The function's configuration.
 *
 * @throws BoxError `invalid_argument` that lists every variable that is missing or malformed.
 */
export function sensoryConfig(env: Environment) {
  return readConfig(SENSORY_SETTINGS, env);
}
