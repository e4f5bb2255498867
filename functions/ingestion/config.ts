import { type Environment, integer, optionalText, readConfig, text, url } from '#lib/config/config.ts';

const MIB = 1024 ** 2;

/** The variables of function ingestion. */
export const SETTINGS = {
  gatewayUrl: url('GATEWAY_URL', {
    doc: 'The OpenFaaS gateway, through which the orchestrator is asked for scenarios.',
    schemes: ['http', 'https'],
  }),
  natsUrl: url('NATS_URL', { doc: 'The NATS server that signals are stored on.', schemes: ['nats', 'tls'] }),
  natsUser: optionalText('NATS_USER', 'User name for NATS.'),
  secretsDir: text('SECRETS_DIR', { doc: 'The folder of secrets.', fallback: '/var/openfaas/secrets' }),
  s3Endpoint: optionalText('S3_ENDPOINT', 'The S3 server of vocabularies in files; unset: there are none.'),
  s3Region: text('S3_REGION', { doc: 'The region that requests to S3 are signed for.', fallback: 'us-east-1' }),
  maxSignalBytes: integer('MAX_SIGNAL_BYTES', {
    doc: 'The largest signal that the door takes; NATS takes no more than its max_payload, headers included.',
    fallback: 10 * MIB - 8192,
    min: 1024,
    max: 64 * MIB,
  }),
  maxUploadBytes: integer('MAX_UPLOAD_BYTES', {
    doc: 'The largest body of NDJSON or CSV, unpacked: above MAX_SIGNAL_BYTES it is cut into signals as it comes. Not above that, none is.',
    fallback: 256 * MIB,
    min: 1024,
    max: 64 * 1024 * MIB,
  }),
  uploadSeconds: integer('UPLOAD_SECONDS', {
    doc: 'How long a body of NDJSON or CSV may take to come; less than the time limits of gateway and watchdog, which tell its sender nothing.',
    fallback: 45,
    min: 1,
    max: 86_400,
  }),
  maxFeatureBytes: integer('MAX_FEATURE_BYTES', {
    doc: "The largest features message; above NATS's max_payload it could not be published.",
    fallback: 10 * MIB - 8192,
    min: 1024,
    max: 64 * MIB,
  }),
  maxInflatedBytes: integer('MAX_INFLATED_BYTES', {
    doc: 'The largest signal after its compression is undone.',
    fallback: 32 * MIB,
    min: 1024,
    max: 512 * MIB,
  }),
  maxImagePixels: integer('MAX_IMAGE_PIXELS', {
    doc: 'The largest picture that is decoded, width times height.',
    fallback: 50_000_000,
    min: 1,
    max: 268_435_456,
  }),
  stateMaxBytes: integer('STATE_MAX_BYTES', {
    doc: 'What windows over time and last values may take on disk; then signals that need more of it wait.',
    fallback: 256 * MIB,
    min: MIB,
    max: Number.MAX_SAFE_INTEGER,
  }),
  logLevel: text('LOG_LEVEL', { doc: 'Lowest level that is logged.', fallback: 'info' }),
} as const;

export type IngestionConfig = ReturnType<typeof readIngestionConfig>;

/**
 * The function's configuration.
 *
 * @throws BoxError `invalid_argument` that lists every variable that is missing or malformed.
 */
export function readIngestionConfig(env: Environment) {
  return readConfig(SETTINGS, env);
}
