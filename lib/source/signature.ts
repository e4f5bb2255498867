import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { BoxError, errorText } from '../error/box-error.ts';
import type { SecretFiles } from '../secret/secret-files.ts';
import { webhookKey } from '../secret/webhook-key.ts';
import type { Source } from './source.ts';

/**
 * Signatures of signals, as Standard Webhooks 1.0 has them: three headers, of which the last signs `id.timestamp.body`.
 * `v1` is HMAC-SHA256, `v1a` Ed25519; several signatures, for a change of key, are separated by spaces.
 */
export const SIGNATURE_HEADERS = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

/** How far the time of a signature may be from when its signal came. */
export const TOLERANCE_SECONDS = 300;

/** What the three headers say. */
export interface SignatureClaim {
  readonly id: string;
  /** Seconds since 1970, as it was sent. */
  readonly timestamp: string;
  readonly signature: string;
}

/** A signature that is right. */
export interface Verified {
  readonly proof: 'ed25519' | 'hmac-sha256';
  /** The signal's own id among those of its source; it counts once. */
  readonly id: string;
}

const MAX_ID_LENGTH = 200;
const MAX_SIGNATURES = 8;

/**
 * The claim in a signal's headers (`header` finds one by its name in lower case); undefined where there is none.
 */
export function readSignatureClaim(header: (name: string) => string | undefined): SignatureClaim | undefined {
  const [id, timestamp, signature] = SIGNATURE_HEADERS.map(header);
  if (id === undefined && timestamp === undefined && signature === undefined) return undefined;
  return { id: id ?? '', timestamp: timestamp ?? '', signature: signature ?? '' };
}

/**
 * Checks a signature over the body as it came. Whether the id was seen before is for the caller to find out.
 *
 * @param atMs when the signal came.
 * @throws BoxError `unauthenticated` with the reason when it is not right, `unavailable` when the secret cannot be read.
 */
export async function verifySignature(
  claim: SignatureClaim,
  body: Uint8Array,
  source: Source,
  secrets: SecretFiles,
  atMs: number,
): Promise<Verified> {
  const { id, timestamp, signature } = claim;
  if (!/^[\x21-\x7e]+$/.test(id) || id.length > MAX_ID_LENGTH) {
    throw wrong(`webhook-id must be 1 to ${MAX_ID_LENGTH} visible ASCII characters`);
  }
  if (!/^\d{1,12}$/.test(timestamp)) throw wrong('webhook-timestamp must be seconds since 1970');
  const apartSeconds = Math.abs(atMs / 1000 - Number(timestamp));
  if (apartSeconds > TOLERANCE_SECONDS) {
    throw wrong(`webhook-timestamp must be within ${TOLERANCE_SECONDS} s, it is ${Math.round(apartSeconds)} s apart`);
  }
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  const hmacKey = source.hmac_secret === undefined ? undefined : webhookKey(await secrets.read(source.hmac_secret));
  const publicKey = source.public_key === undefined ? undefined : publicKeyOf(source.public_key);
  for (const each of signature.split(' ').slice(0, MAX_SIGNATURES)) {
    const [version, base64 = ''] = each.split(',', 2);
    const bytes = Buffer.from(base64, 'base64');
    if (version === 'v1' && hmacKey !== undefined && isHmac(bytes, hmacKey, signed))
      return { proof: 'hmac-sha256', id };
    if (version === 'v1a' && publicKey !== undefined && isEd25519(bytes, publicKey, signed)) {
      return { proof: 'ed25519', id };
    }
  }
  throw wrong('webhook-signature must be that of the source');
}

function isHmac(given: Buffer, key: Buffer, signed: Buffer): boolean {
  const right = createHmac('sha256', key).update(signed).digest();
  return given.length === right.length && timingSafeEqual(given, right);
}

function isEd25519(given: Buffer, key: KeyObject, signed: Buffer): boolean {
  return given.length === 64 && verify(null, signed, key, given);
}

function wrong(rule: string): BoxError {
  return new BoxError('unauthenticated', `Cannot take signal: ${rule}`, { facts: { reason: 'bad_signature' } });
}

/** What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const keys = new LRUCache<string, KeyObject>({ max: 1000 });

/**
 * An Ed25519 key of PEM or of its 32 bytes in base64, with or without Standard Webhooks' `whpk_` before them.
 *
 * @throws BoxError `invalid_argument` for anything else.
 */
export function publicKeyOf(text: string): KeyObject {
  const known = keys.get(text);
  if (known !== undefined) return known;
  const key = text.includes('-----BEGIN') ? fromPem(text) : fromRaw(text.replace(/^whpk_/, ''));
  keys.set(text, key);
  return key;
}

function fromPem(text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch (cause) {
    throw new BoxError('invalid_argument', `Cannot read public key: ${errorText(cause)}`, { cause });
  }
  if (key.asymmetricKeyType === 'ed25519' && !text.includes('PRIVATE')) return key;
  throw new BoxError('invalid_argument', 'Cannot read public key: it must be of Ed25519, and public');
}

function fromRaw(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32 || !/^[A-Za-z0-9+/_-]+=?$/.test(text.trim())) {
    throw new BoxError('invalid_argument', 'Cannot read public key: it must be PEM, or 32 bytes in base64');
  }
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' });
}
