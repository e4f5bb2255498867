import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SourceToken } from './source.ts';

/** A new token, and what is kept of it. */
export function makeToken(now: Date): { readonly token: string; readonly kept: SourceToken } {
  const token = `bxs_${randomBytes(32).toString('base64url')}`;
  return { token, kept: { sha256: digestOf(token).toString('hex'), madeAt: now.toISOString() } };
}

/** Whether what was sent is the token, in a time that does not depend on where they differ. */
export function isToken(sent: string, kept: SourceToken | undefined): boolean {
  return kept !== undefined && timingSafeEqual(digestOf(sent), Buffer.from(kept.sha256, 'hex'));
}

/** Tells a token from those before it, without telling it. */
export function tokenMark(kept: SourceToken): string {
  return kept.sha256.slice(0, 12);
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
