import type { DataDescriptor } from '../scenario/scenario.ts';

/** Who sends signals, as it is put: a sensor, a camera, a gateway. Every field may be left out. */
export interface Source {
  readonly _id?: string;
  readonly name?: string;
  readonly kind?: string;
  readonly location?: string;
  readonly tags?: readonly string[];
  /** Takes the place of the scenario's own for this source's signals. */
  readonly data_descriptor?: DataDescriptor;
  readonly quota?: Quota;
  /** Silent for longer than this, a notification says so. */
  readonly expected_every_seconds?: number;
  /** Ed25519, which its signals may be signed with: PEM, or the 32 bytes in base64. */
  readonly public_key?: string;
  /** The name of the secret file that its signals may be signed with by HMAC-SHA256. */
  readonly hmac_secret?: string;
}

/** What a source may send to each scenario. */
export interface Quota {
  readonly signals_per_second?: number;
  /** In a day of UTC. */
  readonly bytes_per_day?: number;
}

/** The credential of a source. The token itself is shown once and known to nobody afterwards. */
export interface SourceToken {
  /** SHA-256 in hexadecimal. A token has 256 random bits, so a fast hash of it cannot be turned back. */
  readonly sha256: string;
  readonly madeAt: string;
}

/** A source as it is kept. */
export interface SourceRecord {
  readonly id: string;
  /** Changes with each replacement of the source, and with its token. */
  readonly rev: string;
  readonly source: Source;
  /** Left out for a source that has none. */
  readonly token?: SourceToken;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/**
 * How it was made sure that a signal comes from its source; CloudEvents' extension of the same name carries it to the
 * notification. `key`: the appliance's own key vouched for it.
 */
const SOURCE_PROOFS = ['ed25519', 'hmac-sha256', 'token', 'key'] as const;
export type SourceProof = (typeof SOURCE_PROOFS)[number];
export const SOURCE_PROOF_ATTRIBUTE = 'sourceproof';

/**
 * CloudEvents' extension by which the connector tells the ingestion function that the source has a data descriptor of its own: the
 * source's revision.
 */
export const SOURCE_REV_ATTRIBUTE = 'sourcerev';

/** Whether signals of the source are taken only with something that proves them to be its own. */
export function hasCredential({ token, source }: SourceRecord): boolean {
  return token !== undefined || canSign(source);
}

/** Whether the source has a key to check signatures with. */
export function canSign({ public_key, hmac_secret }: Source): boolean {
  return public_key !== undefined || hmac_secret !== undefined;
}

export function isSourceProof(value: unknown): value is SourceProof {
  return SOURCE_PROOFS.some((proof) => proof === value);
}

/** Whether a proof is a signature over the body. */
export function isSignature(proof: SourceProof | undefined): boolean {
  return proof === 'ed25519' || proof === 'hmac-sha256';
}

/** The media type by which a function asks the orchestrator for a SourceRecord in place of what people see. */
export const SOURCE_RECORD_CONTENT_TYPE = 'application/vnd.thebox.source-record+json';
