import { createHmac } from 'node:crypto';
import { BoxError } from '#lib/error/box-error.ts';

const PREFIX = 'whsec_';
/** Standard Webhooks asks for 24 to 64 bytes. */
const MIN_KEY_BYTES = 24;

/**
 * The headers of Standard Webhooks 1.0: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
 *
 * @param secret `whsec_` and base64, as the specification has it, or any other text, which is taken as it is.
 * @param timestamp seconds since 1970
 * @throws BoxError `unavailable` for a secret that is too short to protect anything.
 */
export function signatureHeaders(
  secret: string,
  id: string,
  timestamp: number,
  body: string,
): Readonly<Record<string, string>> {
  const key = secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);
  if (key.length < MIN_KEY_BYTES) {
    const rule = `the secret must have at least ${MIN_KEY_BYTES} bytes`;
    throw new BoxError('unavailable', `Cannot sign webhook: ${rule}, got ${key.length}`);
  }
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` };
}
