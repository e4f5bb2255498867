import { BoxError } from '../error/box-error.ts';

const PREFIX = 'whsec_';
/** Standard Webhooks asks for 24 to 64 bytes. */
const MIN_KEY_BYTES = 24;

/**
 * The key of a secret that signs by HMAC: `whsec_` and base64, as Standard Webhooks has it, or any other text, which is
 * taken as it is.
 *
 * @throws BoxError `unavailable` for a secret that is too short to protect anything.
 */
export function webhookKey(secret: string): Buffer {
  const key = secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);
  if (key.length >= MIN_KEY_BYTES) return key;
  const rule = `the secret must have at least ${MIN_KEY_BYTES} bytes`;
  throw new BoxError('unavailable', `Cannot use signing secret: ${rule}, got ${key.length}`);
}
