import { timingSafeEqual } from 'node:crypto';
import { BoxError } from '../error/box-error.ts';
import { API_KEY_SECRET, type SecretFiles } from '../secret/secret-files.ts';

/** The key that a caller sent, as `Authorization: Bearer` or as `API-ACCESS-KEY`. */
export function sentKey(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  const bearer = /^bearer +(.+)$/i.exec(headers.authorization ?? '');
  return bearer?.[1] ?? headers['api-access-key'];
}

/** A process knows one key; its bytes are made again only when the key has changed. */
let lastKnown = { key: '', bytes: Buffer.alloc(0) };

/** Whether the key that was sent is the known one, in a time that does not depend on where they differ. */
export function sameKey(sent: string, known: string): boolean {
  if (lastKnown.key !== known) lastKnown = { key: known, bytes: Buffer.from(known) };
  const bytes = Buffer.from(sent);
  // The length alone can be learnt from the time this takes; digests of both would take longer than a small model.
  return bytes.length === lastKnown.bytes.length && timingSafeEqual(bytes, lastKnown.bytes);
}

/**
 * Checks that the caller sent the appliance's key.
 *
 * @throws BoxError `unauthenticated` without a key, `permission_denied` with another one.
 */
export async function checkApiKey(
  headers: Readonly<Record<string, string | undefined>>,
  secrets: SecretFiles,
): Promise<void> {
  const key = sentKey(headers);
  if (key === undefined) {
    throw new BoxError(
      'unauthenticated',
      'Cannot call this function: send the key as "Authorization: Bearer KEY" or "API-ACCESS-KEY: KEY"',
    );
  }
  if (!sameKey(key, await secrets.read(API_KEY_SECRET))) {
    throw new BoxError('permission_denied', 'Cannot call this function: the key is not valid');
  }
}
