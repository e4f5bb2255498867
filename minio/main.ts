import { openS3Client } from '#lib/blob/s3.ts';
import { readConfig, text, url } from '#lib/config/config.ts';
import { openLog } from '#lib/log/log.ts';
import { openSecretFiles } from '#lib/secret/secret-files.ts';
import { applyLayout } from './apply-layout.ts';
import { untilTheServerIsUp } from './until-up.ts';

/** Every variable that the program reads; user and password are the secrets `s3-root-user` and `s3-root-password`. */
const SETTINGS = {
  endpoint: url('S3_ENDPOINT', { doc: 'the S3 server, such as http://minio:9000', schemes: ['http', 'https'] }),
  region: text('S3_REGION', { doc: 'the region of the S3 server', fallback: 'us-east-1' }),
  secretsDir: text('SECRETS_DIR', { doc: 'the folder of secret files', fallback: '/var/openfaas/secrets' }),
};

/** Makes the buckets of the appliance, once the S3 server is up, and ends. */
async function main(): Promise<void> {
  const config = readConfig(SETTINGS, process.env);
  const log = openLog('buckets', 'info');
  const secrets = openSecretFiles(config.secretsDir);
  const client = openS3Client({
    endpoint: config.endpoint,
    region: config.region,
    credentials: async () => ({
      accessKeyId: await secrets.read('s3-root-user'),
      secretAccessKey: await secrets.read('s3-root-password'),
    }),
  });
  try {
    for (const applied of await untilTheServerIsUp(() => applyLayout(client))) log.info(applied, 'bucket');
  } finally {
    client.destroy();
  }
}

await main();
