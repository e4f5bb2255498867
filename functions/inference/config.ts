import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { choice, type Environment, integer, list, optionalText, readConfig, text, url } from '#lib/config/config.ts';

const GIB = 1024 ** 3;
const MAX_BYTES = 2 ** 50;

/** Every variable that the inference function reads. */
export const SETTINGS = {
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'where the orchestrator is reached, such as http://gateway:8080',
    schemes: ['http', 'https'],
  }),
  secretsDir: text('SECRETS_DIR', { doc: 'folder of secrets', fallback: '/var/openfaas/secrets' }),
  logLevel: choice('LOG_LEVEL', {
    doc: 'how much is logged',
    fallback: 'info',
    of: ['fatal', 'error', 'warn', 'info', 'debug', 'silent'],
  }),
  modelRoot: optionalText('MODEL_ROOT', 'folder that models may be read from; unset: none is read from a file'),
  modelHosts: list('MODEL_HOSTS', {
    doc: 'hosts that models may be fetched from: host, host:port, *.domain, * for any public one',
    fallback: [],
  }),
  modelMaxBytes: integer('MODEL_MAX_BYTES', {
    doc: 'the largest model file, unpacked',
    fallback: GIB,
    min: 1,
    max: MAX_BYTES,
  }),
  modelFetchTimeoutMs: integer('MODEL_FETCH_TIMEOUT_MS', {
    doc: 'time for fetching one file',
    fallback: 120_000,
    min: 100,
    max: 3_600_000,
  }),
  modelCacheDir: text('MODEL_CACHE_DIR', {
    doc: 'folder for fetched models',
    fallback: join(tmpdir(), 'thebox-models'),
  }),
  modelCacheBytes: integer('MODEL_CACHE_BYTES', {
    doc: 'what fetched models may take on disk',
    fallback: 4 * GIB,
    min: 0,
    max: MAX_BYTES,
  }),
  modelMemoryBytes: integer('MODEL_MEMORY_BYTES', {
    doc: 'what loaded models may take in memory',
    fallback: GIB,
    min: 0,
    max: MAX_BYTES,
  }),
  modelThreads: integer('MODEL_THREADS', {
    doc: 'threads that models run in',
    fallback: availableParallelism(),
    min: 1,
    max: 256,
  }),
  modelPlacement: choice('MODEL_PLACEMENT', {
    doc: 'where models run: auto keeps the quickest in the main thread',
    fallback: 'auto',
    of: ['auto', 'worker', 'main'],
  }),
  modelMaxBatch: integer('MODEL_MAX_BATCH', {
    doc: 'rows that are run together at most',
    fallback: 256,
    min: 1,
    max: 65_536,
  }),
  modelMaxDelayUs: integer('MODEL_MAX_DELAY_US', {
    doc: 'how long a request may wait for others to share a run, in microseconds',
    fallback: 0,
    min: 0,
    max: 10_000_000,
  }),
  modelMaxQueue: integer('MODEL_MAX_QUEUE', {
    doc: 'requests that may wait for one model',
    fallback: 4096,
    min: 1,
    max: 1_000_000,
  }),
  natsUrl: optionalText(
    'NATS_URL',
    'NATS, where built-in models keep what they have learnt; unset: none of these runs',
  ),
  natsUser: optionalText('NATS_USER', 'the user at NATS; the password is the secret nats-password'),
  s3Endpoint: optionalText('S3_ENDPOINT', 'the S3 server, such as http://minio:9000; unset: no model comes from S3'),
  modelBucket: text('MODEL_BUCKET', { doc: 'the bucket of models that are served by name', fallback: 'models' }),
  s3Region: text('S3_REGION', { doc: 'the region that requests to S3 are signed for', fallback: 'us-east-1' }),
};

export type InferenceConfig = ReturnType<typeof readInferenceConfig>;

/** @throws BoxError `invalid_argument` that lists every variable that is missing or malformed */
export function readInferenceConfig(env: Environment) {
  return readConfig(SETTINGS, env);
}
