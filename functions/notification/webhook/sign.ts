import { createHmac } from 'node:crypto';
import { webhookKey } from '#lib/secret/webhook-key.ts';

/**
 * The headers of Standard Webhooks 1.0: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
 *
 * @param secret see `webhookKey`.
 * @param timestamp seconds since 1970
 * @throws BoxError `unavailable` for a secret that is too short to protect anything.
 */
export function signatureHeaders(
  secret: string,
  id: string,
  timestamp: number,
  body: string,
): Readonly<Record<string, string>> {
  const signature = createHmac('sha256', webhookKey(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': `v1,${signature}` };
}
