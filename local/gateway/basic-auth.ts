import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Whether a request brings that user and password (HTTP basic authentication), compared in constant time. */
export function hasLogin(request: IncomingMessage, login: Login): boolean {
  const wanted = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
  return timingSafeEqual(digest(wanted), digest(request.headers.authorization ?? ''));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
