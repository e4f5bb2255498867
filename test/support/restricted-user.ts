import { createHash, createHmac } from 'node:crypto';
import { request } from 'undici';
import type { S3Credentials } from '#lib/blob/s3.ts';
import type { S3Server } from '../../local/server/minio.ts';

/**
 * Credentials on MinIO that may do what an IAM policy says, and nothing else: `AssumeRole` of its token service, which evaluates the
 * policy as it does those of users. Making a lasting user takes MinIO's own administration protocol.
 */
export async function restrictedUser(server: S3Server, policy: string): Promise<S3Credentials> {
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    DurationSeconds: '900',
    Policy: policy,
  }).toString();
  const headers = signed(server, body);
  const answer = await request(server.endpoint, { method: 'POST', headers, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`AssumeRole was answered with ${answer.statusCode}: ${text}`);
  const find = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1] ?? '';
  return {
    accessKeyId: find('AccessKeyId'),
    secretAccessKey: find('SecretAccessKey'),
    sessionToken: find('SessionToken'),
  };
}

/** The headers of a POST to `/`, signed as AWS Signature Version 4 says. */
function signed({ endpoint, region, accessKey, secretKey }: S3Server, body: string): Record<string, string> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${region}/sts/aws4_request`;
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    host: new URL(endpoint).host,
    'x-amz-date': time,
  };
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = `POST\n/\n\n${lines.join('')}\n${names}\n${sha256(body)}`;
  const key = scope.split('/').reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${secretKey}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
